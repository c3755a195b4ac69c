package torchfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// program composes a pickle, operation by operation.
type program string

const dictOfNothing = "ccollections\nOrderedDict\n)R"

func text(s string) program { return program(fmt.Sprintf("X%s%s", le32(len(s)), s)) }

func number(n int) program { return program("J" + le32(n)) }

func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// reference is the persistent identifier of a float storage; view is "" for the zip form.
func reference(key string, count int, view program) program {
	return "(" + text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + view + "tQ"
}

// tensorOf is a call that makes a tensor.
func tensorOf(storage program, first int, shape, strides []int) program {
	p := "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(first)
	for _, sizes := range [][]int{shape, strides} {
		p += "("
		for _, n := range sizes {
			p += number(n)
		}
		p += "t"
	}
	return p + "\x89" + dictOfNothing + "tR"
}

// entries is the dictionary of a state with one entry.
func entries(name string, p program) program { return "}" + text(name) + p + "s" }

// legacy wraps a pickle in the legacy form, over storages of float32 with these counts.
func legacy(p program, counts map[string]int, order ...string) []byte {
	out := "\x80\x02\x8a\x0a" + string(legacyMagic) + ".\x80\x02M\xe9\x03.\x80\x02}" + string(text("little_endian")) + "\x88s." +
		"\x80\x02" + string(p) + ".\x80\x02](" // the keys follow
	for _, key := range order {
		out += string(text(key))
	}
	b := []byte(out + "e.")
	for _, key := range order {
		b = binary.LittleEndian.AppendUint64(b, uint64(counts[key]))
		for i := range counts[key] {
			b = append(b, byte(i), 0, 0, 0)
		}
	}
	return b
}

func parseBytes(b []byte) ([]Tensor, error) { return parse("x", bytes.NewReader(b), int64(len(b))) }

func TestViewOfAStorageInTheLegacyForm(t *testing.T) {
	view := "(" + text("view") + number(4) + number(6) + "t" // numbers 4 to 9 of the root
	b := legacy(entries("w", tensorOf(reference("7", 12, view), 1, []int{2, 2}, []int{2, 1})), map[string]int{"7": 12}, "7")
	path := write(t, b)
	data, err := open(t, path).Data("w")
	require.NoError(t, err)
	got := make([]byte, data.Size())
	_, err = data.ReadAt(got, 0)
	require.NoError(t, err)
	require.Equal(t, []byte{5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0}, got)
}

func TestDictionaryInTheFormOfPython2(t *testing.T) {
	tensor := "ctorch._utils\n_rebuild_tensor\n(" + reference("7", 2, "N") + "K\x00\x8a\x01\x02\x85\x8a\x01\x01\x85tR" // before requires_grad
	pair := "](U\x01w" + tensor + "e"
	b := legacy("ccollections\nOrderedDict\n]"+pair+"a\x85R", map[string]int{"7": 2}, "7")
	tensors, err := parseBytes(b)
	require.NoError(t, err)
	require.Len(t, tensors, 1)
	require.Equal(t, "w", tensors[0].Name)
	require.Equal(t, []int64{2}, tensors[0].Shape)
}

func TestIntegersOfAnyWidth(t *testing.T) {
	for p, want := range map[string]int64{
		"K\xff":             255,
		"M\xff\xff":         65535,
		"J\xff\xff\xff\xff": -1,
		"\x8a\x00":          0,
		"\x8a\x01\xff":      -1,
		"\x8a\x02\xff\x00":  255,
		"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f": 1<<63 - 1,
	} {
		v, err := runText("\x80\x02" + p + ".")
		require.NoError(t, err)
		require.Equal(t, want, v, "%q", p)
	}
	v, err := runText("G\x40\x09\x21\xfb\x54\x44\x2d\x18.") // Python's pickle of math.pi
	require.NoError(t, err)
	require.Equal(t, 3.141592653589793, v)
}

func runText(p string) (value, error) {
	return run(newCursor("x", "data.pkl", strings.NewReader(p), int64(len(p))), &storages{byKey: map[string]*storage{}})
}

func TestOperationsThatMakeObjectsAreRefused(t *testing.T) {
	for p, want := range map[string]string{
		"cos\nsystem\n.": `names "os.system" at byte 0`,
		"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.": `names "os.system" at byte 18`,
		"(ios\nsystem\n.":       `names "os.system" at byte 1`,
		"(ctorch\nSize\n)o.":    "makes an object with OBJ (torch.Size among its names) at byte 14",
		"ctorch\nSize\n)\x81.":  "makes an object with NEWOBJ (torch.Size among its names) at byte 13",
		"ctorch\nSize\n)}\x92.": "makes an object with NEWOBJ_EX (torch.Size among its names) at byte 14",
		"\x82\x01.":             "makes an object with EXT at byte 0",
		dictOfNothing + "}X\x09\x00\x00\x00__class__Nsb.": "sets an attribute other than _metadata with BUILD at byte 44",
		"]}b.":                                   "sets attributes of a list of 0 with BUILD at byte 2",
		"ctorch\nSize\n}b.":                      "sets attributes of the name torch.Size with BUILD at byte 13",
		"ctorch\nFloatStorage\n)R.":              "calls torch.FloatStorage with a tuple of 0",
		"ctorch\nSize\nK\x01R.":                  "calls the name torch.Size with an integer",
		"K\x01)R.":                               "calls an integer with a tuple of 0",
		"ccollections\nOrderedDict\nK\x01\x85R.": "calls collections.OrderedDict with a tuple of 1",
		"ctorch._utils\n_rebuild_parameter\n)R.": "calls torch._utils._rebuild_parameter with a tuple of 0",
		"ctorch._utils\n_rebuild_tensor_v2\n)R.": "makes a tensor of 0 parts",
		"NQ.":                                    "refers to something other than a storage",
		"K\x01K\x02a.":                           "appends to an integer",
		"]K\x02K\x02s.":                          "sets items of a list of 0",
	} {
		_, err := runText(p)
		require.ErrorContains(t, err, want, "%q", p)
		require.True(t, fault.Is(err, fault.Invalid), "%q: %v", p, err)
	}
}

func TestBrokenPicklesAreCorrupt(t *testing.T) {
	for p, want := range map[string]string{
		"":                                       "is cut off at byte 0",
		"\x80\x01.":                              "has protocol 1, expected 2 to 5",
		"P0\n.":                                  "has the operation 0x50 at byte 0",
		".":                                      "ends with 0 values",
		"NN.":                                    "ends with 2 values",
		"(N.":                                    "ends with 1 values",
		"0.":                                     "takes a value from an empty stack",
		"N(0\x85.":                               "",                                  // a mark may be popped
		"N(\x85.":                                "takes a value from an empty stack", // but not reached over
		"t.":                                     "goes back to a mark that it did not set",
		"h\x05.":                                 "recalls value 5, which it did not store",
		"Na.":                                    "fills nothing",
		"(Ne.":                                   "fills nothing",
		"}(Nu.":                                  "sets 1 keys and values",
		"NN\x93.":                                "takes None and None for a name",
		"X\xff\xff\xff\xffab":                    "a text of 4294967295 bytes begins at byte 5",
		"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab": "a text of 18446744073709551615 bytes begins at byte 9",
		"c" + strings.Repeat("a", 600) + "\nb\n.": "a name of the pickle is longer than 512 bytes",
	} {
		_, err := runText(p)
		if want == "" {
			require.NoError(t, err, "%q", p)
			continue
		}
		require.ErrorContains(t, err, want, "%q", p)
		require.True(t, fault.Is(err, fault.Corrupt), "%q: %v", p, err)
	}
}

func TestTensorsStayInsideTheirStorages(t *testing.T) {
	huge := 1 << 30
	for name, c := range map[string]struct {
		storage        program
		first          int
		shape, strides []int
		want           string
	}{
		"one number too many":     {reference("7", 4, "N"), 1, []int{4}, []int{1}, "leaves its storage of 4 numbers"},
		"stride too long":         {reference("7", 4, "N"), 0, []int{2, 2}, []int{3, 1}, "leaves its storage of 4 numbers"},
		"product beyond 64 bits":  {reference("7", 4, "N"), 0, []int{huge, huge, huge}, []int{0, 0, 0}, "makes a tensor of shape"},
		"negative stride":         {reference("7", 4, "N"), 3, []int{2}, []int{-1}, "parts that do not fit together"},
		"negative first":          {reference("7", 4, "N"), -1, []int{2}, []int{1}, "parts that do not fit together"},
		"strides are missing":     {reference("7", 4, "N"), 0, []int{2}, nil, "parts that do not fit together"},
		"repeats without end":     {reference("7", 4, "N"), 0, []int{huge}, []int{0}, "repeats the 4 numbers of its storage"},
		"view leaves the storage": {reference("7", 4, "("+text("v")+number(2)+number(3)+"t"), 0, []int{1}, []int{1}, "leaves the storage \"7\" of 4 numbers"},
		"view that is no view":    {reference("7", 4, "K\x01"), 0, []int{1}, []int{1}, "the view of a storage is an integer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseBytes(legacy(entries("w", tensorOf(c.storage, c.first, c.shape, c.strides)), map[string]int{"7": 4}, "7"))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestLegacyStoragesMustBeListedOnceAndWhole(t *testing.T) {
	p := entries("w", tensorOf(reference("7", 4, "N"), 0, []int{4}, []int{1}))
	two := "}(" + text("v") + tensorOf(reference("7", 4, "N"), 0, []int{4}, []int{1}) +
		text("w") + tensorOf(reference("7", 5, "N"), 0, []int{4}, []int{1}) + "u"
	twice := "}(" + text("w") + tensorOf(reference("7", 4, "N"), 0, []int{4}, []int{1}) +
		text("w") + tensorOf(reference("7", 4, "N"), 0, []int{4}, []int{1}) + "u"
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"no key":         {legacy(p, nil), "lists a list of 0 for the keys of its 1 storages"},
		"another key":    {legacy(p, map[string]int{"8": 4}, "8"), "expected each key of the pickle once"},
		"another count":  {legacy(p, map[string]int{"7": 5}, "7"), `storage "7" has 5 numbers at byte`},
		"two counts":     {legacy(two, map[string]int{"7": 4}, "7"), `storage "7" is 4 numbers of F32 in one place and 5 of F32 in another`},
		"one name twice": {legacy(twice, map[string]int{"7": 4}, "7"), `tensor "w" appears twice`},
		"big-endian":     {bytes.Replace(legacy(p, map[string]int{"7": 4}, "7"), []byte("\x88s."), []byte("\x89s."), 1), "written on a big-endian machine"},
		"protocol":       {bytes.Replace(legacy(p, map[string]int{"7": 4}, "7"), []byte("M\xe9\x03"), []byte("M\xe8\x03"), 1), "the protocol of the legacy form is not 1001"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseBytes(c.bytes)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := parseBytes(legacy(p, map[string]int{"7": 4}, "7"))
	require.NoError(t, err)
}

func TestSmallPicklesCannotTakeMuchMemory(t *testing.T) {
	// A list of many pairs is made into a dictionary again and again: without a bound, the square of the file's size.
	pairs := "](" + strings.Repeat("K\x01K\x02\x86", 1000) + "eq\x00"
	again := strings.Repeat("ccollections\nOrderedDict\nh\x00\x85R0", 3000)
	_, err := runText(pairs + again + ".")
	require.ErrorContains(t, err, "makes more than 4194304 values")

	_, err = runText(strings.Repeat("N0", maxValues+1))
	require.ErrorContains(t, err, "makes more than 4194304 values")

	long := strings.Repeat("N", maxPickleBytes+2)
	in := newCursor("x", "", strings.NewReader(long), int64(len(long)))
	_, err = in.take(maxPickleBytes + 1)
	require.ErrorContains(t, err, "is longer than 67108864 bytes")
}
