package torchfile

import "math"

// storage is a run of numbers of one type in the file.
type storage struct {
	key   string
	dtype DType
	count int64 // of numbers
	at    int64 // in the file; the legacy form tells it only after the pickle
}

func (s *storage) bytes() int64 { return s.count * s.dtype.Size() }

// region is a part of a storage. The legacy form of early versions saved views of storages.
type region struct {
	root         *storage
	first, count int64 // numbers
}

// storages are what persistent identifiers of a pickle lead to.
type storages struct {
	byKey map[string]*storage

	// place finds a storage's bytes in the file and checks their number; nil where that comes later.
	place func(*storage) error
}

// find reads a persistent identifier: ("storage", class, key, location, count) and, in the legacy form, either None or
// (key of the view, first number, count).
func (s *storages) find(m *machine, id value) (*region, error) {
	parts, ok := id.(tuple)
	if !ok || len(parts) < 5 || len(parts) > 6 || parts[0] != "storage" {
		return nil, m.invalid("the pickle refers to something other than a storage")
	}
	class, isName := parts[1].(global)
	dtype, isStorage := storageType(class.name)
	key, isKey := parts[2].(string)
	location, isLocation := parts[3].(string)
	count, isCount := parts[4].(int64)
	if !isName || !isStorage || !isKey || !isLocation || !isCount {
		return nil, m.corrupt("the pickle refers to a storage in a form that torch.save does not write")
	}
	if location == "meta" {
		return nil, m.invalid("storage %q is on the device meta, which has no numbers,", key)
	}
	if count < 0 || count > math.MaxInt64/dtype.Size() {
		return nil, m.corrupt("storage %q has %d numbers", key, count)
	}
	root := s.byKey[key]
	if root == nil {
		root = &storage{key: key, dtype: dtype, count: count}
		if s.place != nil {
			if err := s.place(root); err != nil {
				return nil, err
			}
		}
		s.byKey[key] = root
	}
	if root.dtype != dtype || root.count != count {
		return nil, m.corrupt("storage %q is %d numbers of %s in one place and %d of %s in another",
			key, root.count, root.dtype, count, dtype)
	}
	whole := &region{root: root, count: count}
	if len(parts) == 5 || parts[5] == nil {
		return whole, nil
	}
	return m.viewOf(whole, parts[5])
}

// viewOf reads which part of a storage is meant.
func (m *machine) viewOf(whole *region, v value) (*region, error) {
	parts, ok := v.(tuple)
	if !ok || len(parts) != 3 {
		return nil, m.corrupt("the view of a storage is %s, expected a tuple of 3", describe(v))
	}
	first, isFirst := parts[1].(int64)
	count, isCount := parts[2].(int64)
	if !isFirst || !isCount || first < 0 || count < 0 || first > whole.count || count > whole.count-first {
		return nil, m.corrupt("the view of a storage leaves the storage %q of %d numbers", whole.root.key, whole.count)
	}
	return &region{root: whole.root, first: first, count: count}, nil
}
