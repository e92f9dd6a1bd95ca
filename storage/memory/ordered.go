package memory

import (
	"iter"
	"slices"
	"strings"
)

// chunkSize bounds what an insert has to move.
const chunkSize = 512

// An ordered holds records in the order of their keys: sorted chunks, none of
// them empty, each below the next. A walk can start at any key, and an insert
// or removal moves at most a chunk. A nil *ordered is empty.
type ordered struct {
	chunks [][]*record
}

// find returns where key is, or where in chunks it would be inserted; c is
// len(chunks) if key is greater than all.
func (o *ordered) find(key string) (c, i int, found bool) {
	c, _ = slices.BinarySearchFunc(o.chunks, key, func(chunk []*record, key string) int {
		return strings.Compare(chunk[len(chunk)-1].Key, key)
	})
	if c == len(o.chunks) {
		return c, 0, false
	}
	i, found = slices.BinarySearchFunc(o.chunks[c], key, func(r *record, key string) int {
		return strings.Compare(r.Key, key)
	})
	return c, i, found
}

// insert adds r, whose key is not there yet.
func (o *ordered) insert(r *record) {
	c, i, _ := o.find(r.Key)
	if c == len(o.chunks) {
		if c == 0 {
			o.chunks = [][]*record{{r}}
			return
		}
		c--
		i = len(o.chunks[c])
	}
	o.chunks[c] = slices.Insert(o.chunks[c], i, r)
	if len(o.chunks[c]) > chunkSize {
		o.split(c)
	}
}

func (o *ordered) split(c int) {
	chunk := o.chunks[c]
	upper := slices.Clone(chunk[chunkSize/2:])
	clear(chunk[chunkSize/2:]) // hold no record that may be removed from upper
	o.chunks[c] = chunk[:chunkSize/2]
	o.chunks = slices.Insert(o.chunks, c+1, upper)
}

func (o *ordered) remove(key string) {
	c, i, found := o.find(key)
	if !found {
		return
	}
	o.chunks[c] = slices.Delete(o.chunks[c], i, i+1)
	if len(o.chunks[c]) == 0 {
		o.chunks = slices.Delete(o.chunks, c, c+1)
	}
}

// after goes through the records whose keys are greater than key.
func (o *ordered) after(key string) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		if o == nil {
			return
		}
		c, i, found := o.find(key)
		if found {
			i++
		}
		for ; c < len(o.chunks); c, i = c+1, 0 {
			for _, r := range o.chunks[c][i:] {
				if !yield(r) {
					return
				}
			}
		}
	}
}
