// Package oauth holds the specifications' words as Go values: error codes and
// the Error that carries one, the metadata of a client, names of grant types,
// response types and parameters.
//
// It owns no behaviour and imports the standard library alone, so that every
// other package, and a host's code, can speak of the protocol without a cycle.
package oauth
