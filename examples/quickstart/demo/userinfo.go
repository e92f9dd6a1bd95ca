package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// info is a userinfo answer.
type info struct {
	Sub  string
	Name string
	text string
}

// greeting is how to call whom the answer is about.
func (i info) greeting() string { return cmp.Or(i.Name, i.Sub) }

// userinfo asks who the access token speaks for (OpenID Connect Core §5.3).
func (p *provider) userinfo(ctx context.Context, accessToken string) (info, exchange, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return info{}, exchange{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserinfoEndpoint, http.NoBody)
	if err != nil {
		return info{}, exchange{}, fmt.Errorf("demo: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	ex, err := p.do(req, "")
	ex.Title = "Userinfo"
	if err != nil {
		return info{}, ex, err
	}
	who := info{text: ex.Response}
	if err := json.Unmarshal([]byte(ex.Response), &who); err != nil {
		return info{}, ex, fmt.Errorf("demo: the userinfo answer is not JSON: %w", err)
	}
	return who, ex, nil
}
