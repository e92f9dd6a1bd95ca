package admin

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// A Form is a client to be filled in.
type Form struct {
	Action, Back string
	// Subject is what a new client is: its type and the client_id that it
	// will have.
	Subject, Type string
	IsNew         bool
	Version       int64
	Seen          string
	Sections      []Section
	// Others are faults of what has no field.
	Others []string
	// Differences are what another changed meanwhile.
	Differences []Difference
}

// A Section is some fields of a form.
type Section struct {
	Name   string
	Folded bool
	Open   bool
	Fields []FormField
}

// A FormField is one field of a form, filled in.
type FormField struct {
	Name, Input, Value string
	Label, Hint        string
	Rows               int
	Options            []Option
	Faults             []string
}

// An Option is one of a few values.
type Option struct {
	Value, Label string
	Chosen       bool
}

// A Difference is one field as it is stored and as it was sent.
type Difference struct{ Label, Stored, Sent string }

// getNew asks for the type first.
func (c *Console) getNew(w http.ResponseWriter, v *visit) {
	t := oauth.ClientType(v.URL.Query().Get("type"))
	if t == "" {
		c.show(w, v.Request, http.StatusOK, c.page(w, v, kindNew))
		return
	}
	if !knownType(t) {
		c.fail(w, v.Request, http.StatusBadRequest, errBadQuery)
		return
	}
	client := &oauth.Client{ID: rand.Text(), Type: t, TokenEndpointAuthMethod: oauth.AuthMethodBasic}
	if t == oauth.TypeOpenID {
		client.Scopes = []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail}
	}
	p := c.page(w, v, kindForm)
	p.newForm(client, nil)
	c.show(w, v.Request, http.StatusOK, p)
}

// postNew creates a client. Its client_id came with the form, so that a form
// that is sent twice creates one client.
func (c *Console) postNew(w http.ResponseWriter, v *visit) {
	kind, id, _ := strings.Cut(v.PostForm.Get("subject"), " ")
	client := &oauth.Client{
		ID: id, Type: oauth.ClientType(kind), Tenant: v.tenant, TokenEndpointAuthMethod: oauth.AuthMethodBasic,
	}
	read(v.PostForm, client, true)
	made, err := c.service.Create(v.Context(), v.actor, *client)
	refused := refusalOf(err)
	switch {
	case err == nil && made.Secret == "":
		c.goTo(w, v.Request, "clients/"+id, "created")
	case err == nil:
		c.showSecret(w, v, http.StatusCreated, made, "created")
	case refused.code == "exists":
		c.goTo(w, v.Request, "clients/"+id, "created")
	case refused.code == "quota" || refused.code == "invalid_client_metadata":
		p := c.page(w, v, kindForm)
		p.newForm(client, err)
		if refused.code == "quota" {
			p.Problem = p.T("form.quota")
		}
		c.show(w, v.Request, refused.status, p)
	default:
		c.failed(w, v, err)
	}
}

func (p *Page) newForm(client *oauth.Client, err error) {
	p.Form = p.form(client, true, err)
	p.Form.Action, p.Form.Back = p.Path+"/new", p.Path+"/new"
	p.Form.Subject = string(client.Type) + " " + client.ID
	p.Title = p.T("form.new." + p.Form.Type)
}

func (c *Console) getEdit(w http.ResponseWriter, v *visit) {
	e, err := c.entryOf(v)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	c.showEdit(w, v, http.StatusOK, e, &e.Client, nil)
}

// showEdit shows the form of a client that is stored as e, filled in with what
// may be another's.
func (c *Console) showEdit(w http.ResponseWriter, v *visit, status int, e clientreg.Entry, filled *oauth.Client, err error) {
	p := c.page(w, v, kindForm)
	p.Client = p.client(e)
	p.Form = p.form(filled, false, err)
	p.Form.Action, p.Form.Back = c.path+"/clients/"+v.id()+"/edit", c.path+"/clients/"+v.id()
	p.Form.Version, p.Form.Seen = e.Version, p.Client.Seen
	p.Title = p.T("form.edit")
	if refusalOf(err).code == "conflict" {
		p.Problem = p.T("form.conflict")
		p.Form.Differences = p.differences(&e.Client, filled)
	}
	c.show(w, v.Request, status, p)
}

// postEdit stores what was edited, unless another was faster: then it shows
// both, and asks again.
func (c *Console) postEdit(w http.ResponseWriter, v *visit) {
	e, err := c.unchanged(v)
	if err != nil && refusalOf(err).code != "conflict" {
		c.failed(w, v, err)
		return
	}
	edited := e.Client
	read(v.PostForm, &edited, false)
	var made clientreg.Issued
	if err == nil {
		made, err = c.service.Update(v.Context(), v.actor, edited, e.Version)
	}
	switch refused := refusalOf(err); {
	case err == nil && made.Secret != "":
		c.showSecret(w, v, http.StatusOK, made, "saved")
	case err == nil:
		c.goTo(w, v.Request, "clients/"+v.id(), "saved")
	case refused.code == "conflict":
		if e, readErr := c.entryOf(v); readErr == nil {
			c.showEdit(w, v, refused.status, e, &edited, err)
			return
		}
		c.failed(w, v, err)
	case refused.code == "invalid_client_metadata":
		c.showEdit(w, v, refused.status, e, &edited, err)
	default:
		c.failed(w, v, err)
	}
}

// form is a client to be filled in, with the faults that were found in it.
func (p *Page) form(client *oauth.Client, isNew bool, err error) *Form {
	f := &Form{Type: string(client.Kind()), IsNew: isNew}
	faults := map[string][]string{}
	for _, fault := range fieldFaults(err) {
		name, index := splitIndex(fault.Field)
		reason := fault.Reason
		if index > 0 {
			reason = strconv.Itoa(index) + ": " + reason
		}
		faults[name] = append(faults[name], reason)
		p.Problem = p.T("form.faults")
	}
	all := fieldsOf(client.Kind(), isNew)
	for _, name := range sections {
		s := Section{Name: name, Folded: name != sectionBasics}
		for _, field := range all {
			if field.section == name {
				s.Fields = append(s.Fields, p.formField(field, client, faults[field.name]))
				s.Open = s.Open || len(faults[field.name]) > 0
				delete(faults, field.name)
			}
		}
		if len(s.Fields) > 0 {
			f.Sections = append(f.Sections, s)
		}
	}
	for name, reasons := range faults {
		f.Others = append(f.Others, name+": "+strings.Join(reasons, "; "))
	}
	slices.Sort(f.Others)
	return f
}

func (p *Page) formField(f field, client *oauth.Client, faults []string) FormField {
	values := f.get(client)
	out := FormField{
		Name: f.name, Input: f.input, Label: p.T("field." + f.name), Faults: faults,
		Value: first(values), Rows: min(max(len(values)+1, 2), 12),
	}
	if p.Has("hint." + f.name) {
		out.Hint = p.T("hint." + f.name)
	}
	if f.input == inputLines {
		out.Value = strings.Join(values, "\n")
	}
	options := f.options
	for _, v := range values { // what another set stays as it is
		if options != nil && !slices.Contains(options, v) {
			options = append(slices.Clone(options), v)
		}
	}
	for _, o := range options {
		chosen := slices.Contains(values, o) || o == "" && len(values) == 0
		out.Options = append(out.Options, Option{Value: o, Label: p.option(f.name, o), Chosen: chosen})
	}
	return out
}

// option is what a value of a field is called.
func (p *Page) option(name, value string) string {
	key := "option." + name + "." + value
	if value == "" {
		key = "option." + name + ".default"
	}
	if p.Has(key) {
		return p.T(key)
	}
	return value
}

// differences are the fields in which two clients are not the same.
func (p *Page) differences(stored, sent *oauth.Client) []Difference {
	var list []Difference
	for _, f := range fieldsOf(stored.Kind(), false) {
		have, want := strings.Join(f.get(stored), "\n"), strings.Join(f.get(sent), "\n")
		if have != want {
			list = append(list, Difference{Label: p.T("field." + f.name), Stored: have, Sent: want})
		}
	}
	return list
}

// DescribedBy are the ids of what explains a field.
func (f FormField) DescribedBy() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	if len(f.Faults) > 0 {
		ids = append(ids, f.Name+"-faults")
	}
	return strings.Join(ids, " ")
}
