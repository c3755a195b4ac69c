package torchfile

// container builds tuples, lists and dictionaries.
func (m *machine) container() error {
	switch m.op {
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		m.made++
		return nil
	case opPop: // of a mark, where nothing lies above it
		if len(m.marks) > 0 && len(m.stack) == m.floor() {
			m.marks = m.marks[:len(m.marks)-1]
			return nil
		}
		_, err := m.pop()
		return err
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		top, err := m.pop()
		if err == nil {
			m.push(top)
			m.push(top)
		}
		return err
	case opEmptyList:
		m.push(&list{})
	case opEmptyDict:
		m.push(&dict{})
	case opEmptyTuple:
		m.push(tuple{})
	case opTuple1, opTuple2, opTuple3:
		return m.shortTuple(int(m.op-opTuple1) + 1)
	case opTuple:
		items, err := m.popMark()
		if err == nil {
			m.push(tuple(items))
		}
		return err
	case opAppend, opAppends:
		return m.extend()
	case opSetItem, opSetItems:
		return m.fill()
	}
	return nil
}

func (m *machine) shortTuple(n int) error {
	items := make(tuple, n)
	for i := n - 1; i >= 0; i-- {
		v, err := m.pop()
		if err != nil {
			return err
		}
		items[i] = v
	}
	m.push(items)
	return nil
}

// extend adds to a list.
func (m *machine) extend() error {
	items, target, err := m.above(m.op == opAppends, 1)
	if err != nil {
		return err
	}
	l, ok := target.(*list)
	if !ok {
		return m.invalid("the pickle appends to %s", describe(target))
	}
	l.items = append(l.items, items...)
	return nil
}

// fill adds pairs to a dictionary.
func (m *machine) fill() error {
	items, target, err := m.above(m.op == opSetItems, 2)
	if err != nil {
		return err
	}
	d, ok := target.(*dict)
	if !ok {
		return m.invalid("the pickle sets items of %s", describe(target))
	}
	if len(items)%2 != 0 {
		return m.corrupt("the pickle sets %d keys and values, expected an even number", len(items))
	}
	for i := 0; i < len(items); i += 2 {
		d.keys = append(d.keys, items[i])
		d.values = append(d.values, items[i+1])
	}
	return nil
}

// above takes what lies above the last mark, or n values, and looks at the value below, which stays.
func (m *machine) above(marked bool, n int) (items []value, target value, err error) {
	if marked {
		if items, err = m.popMark(); err != nil {
			return nil, nil, err
		}
	} else {
		items = make([]value, n)
		for i := n - 1; i >= 0; i-- {
			if items[i], err = m.pop(); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(m.stack) <= m.floor() {
		return nil, nil, m.corrupt("the pickle fills nothing")
	}
	return items, m.stack[len(m.stack)-1], nil
}
