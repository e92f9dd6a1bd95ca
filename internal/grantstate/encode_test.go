package grantstate_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

// full is a State in which no field is zero.
func full() grantstate.State {
	return grantstate.State{
		V: grantstate.Version, GrantType: "authorization_code", ClientID: "c", Subject: "s", SessionID: "sid",
		Scopes: []string{"openid", "b"}, Resources: []string{"https://r"},
		Authn: grantstate.Authentication{
			Time: 1, ACR: "1", AMR: []string{"pwd", "otp"}, Nonce: "n",
			Claims: json.RawMessage(`{"userinfo":{"n":12345678901234567890}}`), WantTime: true,
		},
		CreatedAt: 2, EndsAt: 3, RevokedAt: 4, KeepUntil: 5,
		Code:    &grantstate.Code{ExpiresAt: 5, RedirectURI: "https://c/?a&b", RedirectSent: true, Challenge: challenge, UsedAt: 6},
		Device:  &grantstate.Device{ExpiresAt: 7, Decision: grantstate.DeviceApproved, Interval: 8, PolledAt: 9, UsedAt: 10, From: "192.0.2.1"},
		Refresh: &grantstate.Refresh{Seq: 11, ExpiresAt: 12, Rotated: []grantstate.Rotation{{Seq: 10, At: 13}}},

		AccessSeq: 14,
		Access:    []grantstate.Access{{Seq: 14, IssuedAt: 15, ExpiresAt: 16, Scopes: []string{"b"}, Resources: []string{"https://r"}, Narrowed: true}},
	}
}

// typical is what a refresh reads and writes.
func typical() grantstate.State {
	s := withRefresh()
	s.Authn = grantstate.Authentication{Time: in(0), AMR: []string{"pwd"}, Nonce: "n-0S6_WzA2Mj"}
	s, _ = grantstate.UseRefresh(s, 1, policy, at(time.Minute))
	s, _ = grantstate.IssueAccess(s, grantstate.AccessRequest{ExpiresAt: at(time.Hour), EndOthers: true}, at(time.Minute))
	return s
}

func TestFullHasNoZeroField(t *testing.T) {
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		require.False(t, v.IsZero(), "%s is zero: add it to full", name)
		switch v.Kind() {
		case reflect.Pointer:
			walk(name, v.Elem())
		case reflect.Slice:
			walk(name, v.Index(0))
		case reflect.Struct:
			for i := range v.NumField() {
				walk(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	walk("State", reflect.ValueOf(full()))
}

func TestEncodeDecode(t *testing.T) {
	for _, s := range []grantstate.State{full(), typical(), withCode(), withDevice()} {
		b, err := grantstate.Encode(s)
		require.NoError(t, err)
		got, err := grantstate.Decode(b)
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
	s := full()
	s.V = 0
	b, err := grantstate.Encode(s)
	require.NoError(t, err)
	_, err = grantstate.Decode(b)
	require.NoError(t, err, "Encode writes the version")
	s.Authn.Claims = json.RawMessage(`{`)
	_, err = grantstate.Encode(s)
	require.Error(t, err)
}

// SF-06: a record that is not understood fails closed.
func TestDecodeRefuses(t *testing.T) {
	for _, b := range []string{
		``, `null`, `{}`, `[]`, `"v"`, `{"v":0}`, `{"v":2}`, `{"v":-1}`, `{"v":"1"}`, `{"v":1}{"v":1}`, `{"v":1,`,
		`{"v":1,"rf":{"n":-1}}`, `{"v":1,"rf":{"n":4294967296}}`, `{"v":1,"ea":1.5}`, "\x00",
	} {
		s, err := grantstate.Decode([]byte(b))
		require.ErrorContains(t, err, "grantstate: ", b)
		require.Zero(t, s)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	s := full()
	c := s.Clone()
	require.Equal(t, s, c)
	var apart func(name string, a, b reflect.Value)
	apart = func(name string, a, b reflect.Value) {
		switch a.Kind() {
		case reflect.Pointer:
			require.NotEqual(t, a.Pointer(), b.Pointer(), "%s is shared", name)
			apart(name, a.Elem(), b.Elem())
		case reflect.Slice:
			require.NotEqual(t, a.Pointer(), b.Pointer(), "%s is shared", name)
			apart(name, a.Index(0), b.Index(0))
		case reflect.Struct:
			for i := range a.NumField() {
				apart(name+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		}
	}
	apart("State", reflect.ValueOf(s), reflect.ValueOf(c))
	var none grantstate.State
	require.Equal(t, none, none.Clone())
}

func TestVerdictString(t *testing.T) {
	require.Equal(t, "ok", grantstate.OK.String())
	require.Equal(t, "access denied", "access "+grantstate.Denied.String())
	require.Equal(t, "unknown", grantstate.Verdict(-1).String())
	require.Equal(t, "unknown", grantstate.Verdict(8).String())
}

func TestMillis(t *testing.T) {
	require.Zero(t, grantstate.At(time.Time{}))
	require.True(t, grantstate.Millis(0).Time().IsZero())
	require.Equal(t, t0, grantstate.At(t0.Add(999*time.Microsecond)).Time())
}

func FuzzDecode(f *testing.F) {
	for _, s := range []grantstate.State{full(), typical(), withCode(), withDevice()} {
		b, _ := grantstate.Encode(s)
		f.Add(b, uint32(1), int64(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, seq uint32, ms int64) {
		s, err := grantstate.Decode(b)
		if err != nil {
			return
		}
		now := time.UnixMilli(ms)
		before := s.Clone()
		grantstate.RedeemCode(s, right, now)
		grantstate.UseRefresh(s, seq, policy, now)
		grantstate.PollDevice(s, now)
		grantstate.DecideDevice(s, grantstate.DeviceApproved, now)
		grantstate.IssueAccess(s, grantstate.AccessRequest{ExpiresAt: now}, now)
		grantstate.EndAccess(s, seq)
		grantstate.Revoke(s, now)
		s.LiveAccess(seq, now)
		s.CurrentAccess(now)
		s.RecordExpiry()
		require.Equal(t, before, s, "the State given is changed")

		again, err := grantstate.Encode(s)
		require.NoError(t, err)
		back, err := grantstate.Decode(again)
		require.NoError(t, err)
		twice, err := grantstate.Encode(back)
		require.NoError(t, err)
		require.Equal(t, string(again), string(twice))
	})
}

func BenchmarkDecode(b *testing.B) {
	data, _ := grantstate.Encode(typical())
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := grantstate.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	s := typical()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := grantstate.Encode(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	s := typical()
	b.ReportAllocs()
	for b.Loop() {
		next, _ := grantstate.UseRefresh(s, 2, policy, at(2*time.Minute))
		grantstate.IssueAccess(next, grantstate.AccessRequest{ExpiresAt: at(time.Hour), EndOthers: true}, at(2*time.Minute))
	}
}
