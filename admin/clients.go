package admin

import (
	"net/http"
	"net/url"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// A List is the table of clients.
type List struct {
	Clients []*ClientView
	Total   int
	// Text, Type and State are what the table is limited to; Filtered says
	// that it is.
	Text, Type, State string
	Sort, Order       string
	Filtered          bool
	Columns           []Column
	// Next is the address of the page after, First of the first; each may be
	// empty.
	Next, First string
}

// A Column is one that the table can be sorted by.
type Column struct {
	Key, Label, URL string
	// Sorted is ascending, descending or empty, as aria-sort has it.
	Sorted string
	// Class says where the column has room.
	Class string
}

// A ClientView is a client as pages show it.
type ClientView struct {
	ID, Name, Initial string
	Type, State       string
	Owner, Tenant     string
	Dynamic, Public   bool
	Disabled          bool
	Created, Updated  *When
	Version           int64
	// Seen tells whether what somebody looked at is still so.
	Seen    string
	Secrets []SecretView
	Facts   []Fact
}

// A Fact is one piece of metadata.
type Fact struct {
	Name   string
	Values []string
	// Code says that the values are for machines.
	Code bool
}

// A SecretView is a secret's names and times, and right after it was made the
// secret itself.
type SecretView struct {
	ID, Name                string
	Created, LastUsed, Ends *When
	Ended                   bool
	Value                   string
}

func (c *Console) getClients(w http.ResponseWriter, v *visit) {
	values := v.URL.Query()
	q, err := listQuery(v, values)
	if err != nil {
		c.fail(w, v.Request, http.StatusBadRequest, err)
		return
	}
	if q.Limit == 0 {
		q.Limit = consoleLimit
	}
	found, err := c.service.List(v.Context(), v.actor, q)
	if err != nil {
		c.failed(w, v, err)
		return
	}
	p := c.page(w, v, kindClients)
	p.List = &List{
		Total: found.Total, Text: q.Text, Type: string(q.Type), State: string(q.State),
		Sort: values.Get("sort"), Order: values.Get("order"),
		Filtered: q.Text != "" || q.Type != "" || q.State != "",
	}
	for _, e := range found.Entries {
		p.List.Clients = append(p.List.Clients, p.client(e))
	}
	p.List.Columns = p.columns(values)
	if found.Next != "" {
		p.List.Next = p.listURL(values, "cursor", found.Next)
	}
	if q.Cursor != "" {
		p.List.First = p.listURL(values, "cursor", "")
	}
	c.show(w, v.Request, http.StatusOK, p)
}

// columns are those of the table, each with the address that sorts by it, or
// turns its order round.
func (p *Page) columns(values url.Values) []Column {
	sorted := values.Get("sort")
	if sorted == "" {
		sorted = "name"
	}
	var columns []Column
	for _, key := range []string{"name", "state", "type", "owner", "created"} {
		col := Column{Key: key, Label: p.T("column." + key), Class: "col-" + key}
		order := ""
		if key == sorted {
			col.Sorted, order = "ascending", "desc"
			if values.Get("order") == "desc" {
				col.Sorted, order = "descending", ""
			}
		}
		col.URL = p.listURL(values, "cursor", "", "sort", key, "order", order)
		columns = append(columns, col)
	}
	return columns
}

// listURL is the address of the table as it is shown, with some parameters
// changed.
func (p *Page) listURL(values url.Values, nameValues ...string) string {
	q := url.Values{}
	for _, name := range listParameters {
		q.Set(name, values.Get(name))
	}
	for i := 0; i+1 < len(nameValues); i += 2 {
		q.Set(nameValues[i], nameValues[i+1])
	}
	for name := range q {
		if q.Get(name) == "" {
			q.Del(name)
		}
	}
	link := p.Path + "/"
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}

// client is a client as pages show it.
func (p *Page) client(e clientreg.Entry) *ClientView {
	name := nameOf(&e.Client)
	v := &ClientView{
		ID: e.Client.ID, Name: name, Initial: initial(name),
		Type: string(e.Client.Kind()), State: string(e.Client.Standing()),
		Owner: clean(e.Client.Owner), Tenant: clean(e.Client.Tenant),
		Dynamic: e.Client.Dynamic, Public: e.Client.Public(), Disabled: e.Client.Disabled,
		Created: p.when(e.Client.CreatedAt), Updated: p.when(e.Client.UpdatedAt),
		Version: e.Version, Seen: fingerprint(&e.Client),
	}
	for _, s := range e.Client.Secrets {
		v.Secrets = append(v.Secrets, p.secret(s))
	}
	return v
}

// facts are the metadata of a client that has any, in the order of the form.
func (p *Page) facts(client *oauth.Client) []Fact {
	var facts []Fact
	for _, f := range fieldsOf(client.Kind(), false) {
		values := f.get(client)
		if f.name == "client_name" || len(values) == 0 {
			continue
		}
		fact := Fact{Name: p.T("field." + f.name), Values: values, Code: true}
		if f.input == inputFlag {
			fact.Values, fact.Code = []string{p.T("yes")}, false
		}
		facts = append(facts, fact)
	}
	return facts
}
