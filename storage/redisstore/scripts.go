package redisstore

import (
	"crypto/sha1" //nolint:gosec // see newScript
	_ "embed"
	"encoding/hex"
)

// A script is what a server runs as one step.
type script struct{ source, digest string }

//go:embed scripts/record.lua
var recordLua string

//go:embed scripts/create.lua
var createLua string

//go:embed scripts/replace.lua
var replaceLua string

//go:embed scripts/delete.lua
var deleteLua string

//go:embed scripts/heal.lua
var healLua string

// countLua is a script of its own.
//
//go:embed scripts/count.lua
var countLua string

var (
	createScript  = newScript(createLua)
	replaceScript = newScript(replaceLua)
	deleteScript  = newScript(deleteLua)
	healScript    = newScript(healLua)
)

func newScript(lua string) script {
	source := recordLua + lua
	sum := sha1.Sum([]byte(source)) //nolint:gosec // how EVALSHA names a script; no secret hangs on it
	return script{source, hex.EncodeToString(sum[:])}
}
