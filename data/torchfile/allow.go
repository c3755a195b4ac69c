package torchfile

// What a pickle may name, and what the name does when it is called:
//
//	collections.OrderedDict            a dictionary, from nothing or from a list of pairs
//	torch.Size                         its argument, a tuple
//	torch._utils._rebuild_tensor       a tensor over a storage
//	torch._utils._rebuild_tensor_v2    the same
//	torch._utils._rebuild_parameter    its first argument, a tensor
//	torch.FloatStorage and the like    nothing; they say the type inside a persistent identifier

// allowed looks a name up in the table.
func allowed(module, name string) bool {
	switch module {
	case "collections":
		return name == "OrderedDict"
	case "torch._utils":
		return name == "_rebuild_tensor" || name == "_rebuild_tensor_v2" || name == "_rebuild_parameter"
	case "torch":
		_, isStorage := storageType(name)
		return isStorage || name == "Size"
	case "torch.storage":
		return name == "UntypedStorage"
	}
	return false
}

// meaning runs the operations that in Python can reach beyond plain values.
func (m *machine) meaning() error {
	switch m.op {
	case opGlobal:
		module, name, err := m.twoLines()
		if err != nil {
			return err
		}
		return m.name(module, name)
	case opStackGlobal:
		name, err := m.pop()
		if err != nil {
			return err
		}
		module, err := m.pop()
		if err != nil {
			return err
		}
		moduleText, okModule := module.(string)
		nameText, okName := name.(string)
		if !okModule || !okName {
			return m.corrupt("the pickle takes %s and %s for a name", describe(module), describe(name))
		}
		return m.name(moduleText, nameText)
	case opReduce:
		return m.call()
	case opBuild:
		return m.build()
	}
	id, err := m.pop()
	if err != nil {
		return err
	}
	part, err := m.storages.find(m, id)
	if err != nil {
		return err
	}
	m.push(part)
	return nil
}

// name pushes an allowed name.
func (m *machine) name(module, name string) error {
	if !allowed(module, name) {
		return m.refuse(module + "." + name)
	}
	m.push(global{module, name})
	return nil
}

// call gives what an allowed name makes of its arguments.
func (m *machine) call() error {
	top, err := m.pop()
	if err != nil {
		return err
	}
	callee, err := m.pop()
	if err != nil {
		return err
	}
	args, isTuple := top.(tuple)
	g, isName := callee.(global)
	if !isTuple || !isName {
		return m.invalid("the pickle calls %s with %s", describe(callee), describe(top))
	}
	made, ok := value(nil), false
	switch g.module + "." + g.name {
	case "collections.OrderedDict":
		made, ok = m.orderedDict(args)
	case "torch.Size":
		if len(args) == 1 {
			made, ok = args[0].(tuple)
		}
	case "torch._utils._rebuild_parameter": // tensor, requires_grad, hooks
		if len(args) == 3 && noHooks(args[2]) {
			made, ok = args[0].(*Tensor)
		}
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
		tensor, err := m.rebuild(args)
		if err != nil {
			return err
		}
		made, ok = tensor, true
	}
	if !ok {
		return m.invalid("the pickle calls %s.%s with %s that do not belong to it", g.module, g.name, describe(args))
	}
	m.push(made)
	return nil
}

// orderedDict makes a dictionary of nothing, or of the list of pairs that Python 2 wrote.
func (m *machine) orderedDict(args tuple) (value, bool) {
	d := &dict{ordered: true}
	if len(args) == 0 {
		return d, true
	}
	pairs, ok := args[0].(*list)
	if len(args) != 1 || !ok {
		return nil, false
	}
	m.made += 2 * len(pairs.items) // one list can be copied often
	for _, item := range pairs.items {
		var pair []value
		switch item := item.(type) {
		case *list:
			pair = item.items
		case tuple:
			pair = item
		}
		if len(pair) != 2 {
			return nil, false
		}
		d.keys = append(d.keys, pair[0])
		d.values = append(d.values, pair[1])
	}
	return d, true
}

// build takes the attributes that follow an object. torch gives the dictionary of a module's state the versions of the
// module's classes, which mean nothing here; nothing else has attributes.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	target, err := m.pop()
	if err != nil {
		return err
	}
	attributes, ok := state.(*dict)
	d, isDict := target.(*dict)
	if !ok || !isDict || !d.ordered {
		return m.invalid("the pickle sets attributes of %s with BUILD", describe(target))
	}
	for _, key := range attributes.keys {
		if key != "_metadata" {
			return m.invalid("the pickle sets an attribute other than _metadata with BUILD")
		}
	}
	m.push(target)
	return nil
}

// noHooks is true for the empty dictionary that stands where a tensor could carry functions.
func noHooks(v value) bool {
	if v == nil {
		return true
	}
	d, ok := v.(*dict)
	return ok && len(d.keys) == 0
}
