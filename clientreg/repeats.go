package clientreg

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// repeats finds the client that registered the same before.
func (g *Registrar) repeats(ctx context.Context, identical string) (*Entry, error) {
	r, err := g.service.options.Storage.Get(ctx, storage.KindAlias, identicalKey(identical))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var known identicalRecord
	if err := json.Unmarshal(r.Data, &known); err != nil {
		return nil, err
	}
	st, err := g.service.clients.load(ctx, known.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && st.client.Disabled {
		return nil, g.service.options.Storage.Delete(ctx, storage.KindAlias, r.Key)
	}
	if err != nil {
		return nil, err
	}
	entry := st.entry()
	return &entry, nil
}

// identicalRecord says which client registered some metadata first.
type identicalRecord struct {
	V        int    `json:"v"`
	ClientID string `json:"c"`
}

// rememberFor is how long a registration is recognised.
const rememberFor = 30 * 24 * time.Hour

func identicalKey(identical string) string { return "registration:" + identical }

// remember notes who registered some metadata first. That it could not costs
// nothing but one more client.
func (g *Registrar) remember(ctx context.Context, identical, id string) {
	data, err := json.Marshal(identicalRecord{1, id})
	if err != nil {
		return
	}
	_, _ = g.service.options.Storage.Create(ctx, storage.Record{
		Kind: storage.KindAlias, Key: identicalKey(identical), ExpiresAt: time.Now().Add(rememberFor), Data: data,
	})
}
