//go:build torch

package sample

import "slices"

// room hands out rows of the cache. A row that several texts share is free again when the last of them lets it go.
type room struct {
	users []int32 // of each row
	free  []int32
}

// grow adds rows up to a number of them.
func (r *room) grow(rows int) {
	added := len(r.free)
	for row := len(r.users); row < rows; row++ {
		r.users = append(r.users, 0)
		r.free = append(r.free, int32(row))
	}
	slices.Reverse(r.free[added:]) // the first is taken first: neighbours in a text lie side by side
}

// used is how many rows are taken.
func (r *room) used() int { return len(r.users) - len(r.free) }

// take gives n rows; so many are free.
func (r *room) take(n int) []int32 {
	at := len(r.free) - n
	rows := slices.Clone(r.free[at:])
	slices.Reverse(rows)
	r.free = r.free[:at]
	r.share(rows)
	return rows
}

// share adds a user to rows.
func (r *room) share(rows []int32) {
	for _, row := range rows {
		r.users[row]++
	}
}

// drop takes a user from rows.
func (r *room) drop(rows []int32) {
	for _, row := range slices.Backward(rows) {
		if r.users[row]--; r.users[row] == 0 {
			r.free = append(r.free, row)
		}
	}
}
