package torchfile

import (
	"encoding/binary"
	"math"

	"elara/spec/fault"
)

// maxValues bounds how many values one pickle may make. A tensor takes about 25.
const maxValues = 4 << 20

// machine runs one pickle. It has a stack and a memo, and no way out: what is not in its switch is refused.
type machine struct {
	in       *cursor
	storages *storages // where persistent identifiers lead
	stack    []value
	marks    []int // heights of the stack
	memo     map[uint64]value
	made     int
	op       byte  // the operation that is being run
	opAt     int64 // and where it stands
}

// run reads one pickle to its end and gives what it built. The cursor is left behind it.
func run(in *cursor, storages *storages) (value, error) {
	m := &machine{in: in, storages: storages, memo: map[uint64]value{}}
	for {
		m.opAt = in.at
		op, err := in.byte()
		if err != nil {
			return nil, err
		}
		m.op = op
		if op == opStop {
			if len(m.stack) != 1 || len(m.marks) > 0 {
				return nil, m.corrupt("the pickle ends with %d values, expected 1", len(m.stack))
			}
			return m.stack[0], nil
		}
		if err := m.step(); err != nil {
			return nil, err
		}
		if m.made > maxValues {
			return nil, m.corrupt("the pickle makes more than %d values, expected the description of tensors only", maxValues)
		}
	}
}

// step runs one operation.
func (m *machine) step() error {
	switch m.op {
	case opProto:
		version, err := m.in.byte()
		if err == nil && (version < 2 || version > 5) {
			return m.corrupt("the pickle has protocol %d, expected 2 to 5", version)
		}
		return err
	case opFrame: // says how much may be read ahead
		_, err := m.in.take(8)
		return err
	case opNone, opNewTrue, opNewFalse, opBinInt, opBinInt1, opBinInt2, opLong1, opBinFloat,
		opBinUnicode, opShortUnicode, opBinUnicode8, opBinString, opShortBinString, opBinBytes, opShortBinBytes:
		return m.scalar()
	case opMark, opPop, opPopMark, opDup, opEmptyList, opAppend, opAppends, opEmptyDict, opSetItem, opSetItems,
		opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3:
		return m.container()
	case opBinGet, opLongBinGet, opBinPut, opLongBinPut, opMemoize:
		return m.remember()
	case opGlobal, opStackGlobal, opReduce, opBuild, opBinPersID:
		return m.meaning()
	case opInst:
		module, name, err := m.twoLines()
		if err != nil {
			return err
		}
		return m.refuse(module + "." + name)
	case opNewObj, opNewObjEx, opObj, opExt1, opExt2, opExt4:
		for _, v := range m.stack { // the class lies below its arguments
			if g, ok := v.(global); ok {
				return m.invalid("the pickle makes an object with %s (%s.%s among its names)", opName(m.op), g.module, g.name)
			}
		}
		return m.invalid("the pickle makes an object with %s", opName(m.op))
	}
	return m.corrupt("the pickle has the operation %s", opName(m.op))
}

// scalar pushes what has no parts.
func (m *machine) scalar() (err error) {
	var v value
	var n uint64
	switch m.op {
	case opNone:
	case opNewTrue:
		v = true
	case opNewFalse:
		v = false
	case opBinInt:
		n, err = m.in.uint(4)
		v = int64(int32(n))
	case opBinInt1:
		n, err = m.in.uint(1)
		v = int64(n)
	case opBinInt2:
		n, err = m.in.uint(2)
		v = int64(n)
	case opLong1:
		v, err = m.long()
	case opBinFloat:
		var b []byte
		if b, err = m.in.take(8); err == nil {
			v = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case opShortUnicode, opShortBinString, opShortBinBytes:
		v, err = m.in.text(1)
	case opBinUnicode, opBinString, opBinBytes:
		v, err = m.in.text(4)
	case opBinUnicode8:
		v, err = m.in.text(8)
	}
	if err != nil {
		return err
	}
	m.push(v)
	return nil
}

// long reads an integer in two's complement, least byte first.
func (m *machine) long() (value, error) {
	text, err := m.in.text(1)
	if err != nil || len(text) > 8 {
		return long(text), err
	}
	var n uint64
	for i := range len(text) {
		n |= uint64(text[i]) << (8 * i)
	}
	unused := 64 - 8*len(text) // bits above the number, which take its sign; shifting by 64 gives 0 for no bytes
	return int64(n<<unused) >> unused, nil
}

// remember moves values between stack and memo.
func (m *machine) remember() error {
	key, width := uint64(len(m.memo)), int64(1)
	switch m.op {
	case opLongBinGet, opLongBinPut:
		width = 4
	case opMemoize:
		width = 0
	}
	if width > 0 {
		var err error
		if key, err = m.in.uint(width); err != nil {
			return err
		}
	}
	if m.op == opBinGet || m.op == opLongBinGet {
		v, ok := m.memo[key]
		if !ok {
			return m.corrupt("the pickle recalls value %d, which it did not store", key)
		}
		m.push(v)
		return nil
	}
	top, err := m.pop()
	if err != nil {
		return err
	}
	m.memo[key] = top
	m.push(top)
	return nil
}

// twoLines reads a module's name and a name in it.
func (m *machine) twoLines() (module, name string, err error) {
	if module, err = m.in.line(); err != nil {
		return "", "", err
	}
	name, err = m.in.line()
	return module, name, err
}

func (m *machine) push(v value) {
	m.stack = append(m.stack, v)
	m.made++
}

// floor is how far down the stack an operation may reach: to the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() (value, error) {
	if len(m.stack) <= m.floor() {
		return nil, m.corrupt("the pickle takes a value from an empty stack")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popMark takes everything above the last mark; the slice is the caller's.
func (m *machine) popMark() ([]value, error) {
	if len(m.marks) == 0 {
		return nil, m.corrupt("the pickle goes back to a mark that it did not set")
	}
	floor := m.floor()
	taken := append([]value(nil), m.stack[floor:]...)
	m.stack = m.stack[:floor]
	m.marks = m.marks[:len(m.marks)-1]
	return taken, nil
}

// corrupt says that the pickle breaks the format, and where.
func (m *machine) corrupt(format string, args ...any) error {
	return corrupt(m.in.path, format+" %s", append(args, m.in.place(m.opAt))...)
}

// invalid says that the pickle is sound but does what is not allowed here, and where.
func (m *machine) invalid(format string, args ...any) error {
	return fault.At(m.in.path, 0, format+" %s, expected a dictionary of tensors only", append(args, m.in.place(m.opAt))...)
}

// refuse names what the pickle asks for.
func (m *machine) refuse(name string) error {
	if len(name) > 200 {
		name = name[:200] + "…"
	}
	return fault.At(m.in.path, 0, "the pickle names %q %s, which is never executed, expected a dictionary of tensors only",
		name, m.in.place(m.opAt))
}
