package authserver

import "context"

// Sweep does what a sweep in the background does, until nothing is left or
// ctx ends: then more is true.
func (s *Server) Sweep(ctx context.Context) (more bool, err error) { return s.sweeper.run(ctx) }
