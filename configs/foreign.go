package configs

import "slices"

// foreignKey is a key that transformers or PEFT know and that is not honoured here.
type foreignKey struct {
	name    string
	refused bool     // false: it has no effect here, whatever it says
	idle    []string // values, beside None's and false's kin, that ask for nothing
	secret  bool     // its value is not shown
	why     string   // in a sentence: why it is so, and what to do instead
}

// found describes the value in an error message.
func (k foreignKey) found(n *node) string {
	if k.secret {
		return "a secret"
	}
	return n.found()
}

// asksNothing reports whether the value is one by which transformers or PEFT say "not used": a file that writes all keys
// out has many of them.
func (k foreignKey) asksNothing(n *node) bool {
	switch n.shape {
	case shapeNull:
		return true
	case shapeObject:
		return len(n.fields) == 0
	case shapeList:
		return len(n.items) == 0
	default:
		return n.text == "" || n.text == "false" || slices.Contains(k.idle, n.text)
	}
}

// noEffect makes keys that are accepted and change nothing, for one reason.
func noEffect(why string, keys ...foreignKey) []foreignKey {
	for i := range keys {
		keys[i].why = why
	}
	return keys
}

// refuse makes keys that are not accepted, for one reason.
func refuse(why string, keys ...foreignKey) []foreignKey {
	keys = noEffect(why, keys...)
	for i := range keys {
		keys[i].refused = true
	}
	return keys
}

// named is a foreign key and the values that ask for nothing.
func named(name string, idle ...string) foreignKey { return foreignKey{name: name, idle: idle} }

// token is a foreign key whose value must not be repeated.
func token(name string) foreignKey { return foreignKey{name: name, secret: true} }
