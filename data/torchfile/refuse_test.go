package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestWhatIsNotADictionaryOfTensorsIsRefusedByName(t *testing.T) {
	for name, want := range map[string]string{
		"system":        `the pickle names "posix.system" at byte 2 of refused_system/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"eval_in_entry": `the pickle names "__builtin__.eval" at byte 169 of refused_eval_in_entry/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"eval_in_build": `the pickle names "__builtin__.eval" at byte 52 of refused_eval_in_build/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"getattr":       `the pickle names "__builtin__.getattr" at byte 13 of refused_getattr/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"legacy_eval":   `the pickle names "__builtin__.eval" at byte 320, which is never executed, expected a dictionary of tensors only`,
		"module":        `the pickle names "torch.nn.modules.linear.Linear" at byte 2 of refused_module/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"sparse":        `the pickle names "torch._utils._rebuild_sparse_tensor" at byte 13 of refused_sparse/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"quantised":     `the pickle names "torch._utils._rebuild_qtensor" at byte 13 of refused_quantised/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"complex":       `the pickle names "torch.ComplexFloatStorage" at byte 64 of refused_complex/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"float8":        `the pickle names "torch._utils._rebuild_tensor_v3" at byte 13 of refused_float8/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"meta":          `the pickle names "torch._utils._rebuild_meta_tensor_no_storage" at byte 13 of refused_meta/data.pkl, which is never executed, expected a dictionary of tensors only`,
		"negated":       `the pickle makes a tensor with hooks, or a conjugated or negated one, at byte 172 of refused_negated/data.pkl, expected a dictionary of tensors only`,
		"script":        `a TorchScript archive, which is a program, expected a dictionary of tensors from torch.save`,
		"nested":        `entry "state_dict" is a dictionary of 1, expected a tensor`,
		"counter":       `entry "epoch" is an integer, expected a tensor`,
		"list":          `the file holds a list of 1, expected a dictionary of tensors`,
		"numbered":      `entry 0 of the dictionary has an integer for a key, expected a tensor's name`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "refused_"+name+".bin")
			_, err := Open(path)
			require.EqualError(t, err, path+": "+want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
}

func TestFilesOfOtherKindsAreRefused(t *testing.T) {
	tar := make([]byte, 1024)
	copy(tar[257:], "ustar")
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"text":         {[]byte("version https://git-lfs.github.com/spec/v1\n"), "not a file that torch.save wrote"},
		"empty":        {nil, "not a file that torch.save wrote"},
		"tar":          {tar, "the tar form of PyTorch 0.1 is not read"},
		"other pickle": {[]byte("\x80\x02K\x01."), "a pickle without the magic number of torch.save"},
		"other zip":    {pack(t, record{"notes/readme.txt", "hello"}), "a zip file without FOLDER/data.pkl"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, c.bytes))
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
	_, err := Open(filepath.Join(t.TempDir(), "none.bin"))
	require.ErrorContains(t, err, "no such file")
	_, err = Open(t.TempDir())
	require.ErrorContains(t, err, "not a regular file")
}

func TestFileThatIsCutOffAnywhereIsCorrupt(t *testing.T) {
	for _, name := range []string{"zip.bin", "legacy.bin", "legacy5.bin"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		for n := range whole {
			if n < 4 {
				continue // too short to know the kind of file
			}
			_, err := parse(name, bytes.NewReader(whole[:n]), int64(n))
			require.Error(t, err, "%s cut to %d bytes", name, n)
			require.True(t, fault.Is(err, fault.Corrupt), "%s cut to %d bytes: %v", name, n, err)
		}
	}
}

func TestZipEntriesMustBeWholeAndApart(t *testing.T) {
	good := records(t, "testdata/zip.bin")
	with := func(change func([]record) []record) []byte { return pack(t, change(append([]record(nil), good...))...) }
	set := func(name, text string) func([]record) []record {
		return func(all []record) []record {
			for i := range all {
				if all[i].name == "zip/"+name {
					all[i].text = text
					return all
				}
			}
			return append(all, record{"zip/" + name, text})
		}
	}
	_, err := parse("x", bytes.NewReader(pack(t, good...)), int64(len(pack(t, good...))))
	require.NoError(t, err, "the records as they are")

	overlapping := bytes.Replace(pack(t, good...), []byte("zip/data/1"), []byte("zip/data/x"), 1) // only the local name: no matter
	_, err = parse("x", bytes.NewReader(overlapping), int64(len(overlapping)))
	require.NoError(t, err, "torch, too, goes by the directory")

	for name, c := range map[string]struct {
		bytes []byte
		kind  fault.Kind
		want  string
	}{
		"duplicate":         {with(func(all []record) []record { return append(all, record{"zip/data/0", "again"}) }), fault.Corrupt, `zip entry "zip/data/0" appears twice`},
		"two folders":       {with(func(all []record) []record { return append(all, record{"b/data.pkl", "."}) }), fault.Corrupt, "data.pkl in two folders"},
		"missing numbers":   {with(func(all []record) []record { return all[:len(all)-4] }), fault.Corrupt, "is missing, expected the numbers of a storage"},
		"too few numbers":   {with(set("data/0", "1234")), fault.Corrupt, `zip entry "zip/data/0" has 4 bytes, expected 24 numbers of type F32`},
		"big-endian":        {with(set("byteorder", "big")), fault.Invalid, `the byte order is "big", expected little`},
		"future version":    {with(set("version", "11\n")), fault.Invalid, `the format version is "11\n", expected 1 to 10`},
		"version of letter": {with(set("version", "x")), fault.Invalid, `the format version is "x"`},
		"compressed":        {packWith(t, zip.Deflate, good...), fault.Corrupt, "is compressed or encrypted"},
		"overlap":           {overlap(t, good), fault.Corrupt, "overlap, expected them apart"},
		"checksum":          {bytes.Replace(pack(t, good...), []byte("_rebuild_tensor_v2"), []byte("_rebuild_tensor_v3"), 1), fault.Corrupt, "data.pkl\" has checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse("x", bytes.NewReader(c.bytes), int64(len(c.bytes)))
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.kind, fault.KindOf(err))
		})
	}
}

// record is one entry of a zip that a test makes.
type record struct{ name, text string }

func records(t *testing.T, path string) []record {
	t.Helper()
	reader, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	var all []record
	for _, file := range reader.File {
		from, err := file.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(from)
		require.NoError(t, err)
		require.NoError(t, from.Close())
		all = append(all, record{file.Name, string(text)})
	}
	return all
}

func pack(t *testing.T, all ...record) []byte {
	t.Helper()
	return packWith(t, zip.Store, all...)
}

func packWith(t *testing.T, method uint16, all ...record) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := zip.NewWriter(&out)
	for _, r := range all {
		header := &zip.FileHeader{Name: r.name, Method: method}
		if method == zip.Store {
			header.CRC32 = crc32.ChecksumIEEE([]byte(r.text))
			header.CompressedSize64, header.UncompressedSize64 = uint64(len(r.text)), uint64(len(r.text))
			entry, err := writer.CreateRaw(header)
			require.NoError(t, err)
			_, err = io.WriteString(entry, r.text)
			require.NoError(t, err)
			continue
		}
		entry, err := writer.CreateHeader(header)
		require.NoError(t, err)
		_, err = io.WriteString(entry, r.text)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return out.Bytes()
}

func TestSizesBeyondFourGigabytesHaveFieldsOfTheirOwn(t *testing.T) {
	content := zip64(records(t, "testdata/zip.bin"))
	tensors, err := parse("x", bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	require.Len(t, tensors, 21)
	i := bytes.LastIndex(content, binary.LittleEndian.AppendUint64(nil, 96)) // the bytes of data/0, in the directory
	require.Positive(t, i)
	binary.LittleEndian.PutUint64(content[i:], 1<<40)
	_, err = parse("x", bytes.NewReader(content), int64(len(content)))
	require.True(t, fault.Is(err, fault.Corrupt), "%v", err)
}

// zip64 packs records with all sizes and places in the 64-bit fields (APPNOTE 6.3.10, section 4.5.3).
func zip64(all []record) []byte {
	var body, directory []byte
	le := binary.LittleEndian
	for _, r := range all {
		at, size, sum := uint64(len(body)), uint64(len(r.text)), crc32.ChecksumIEEE([]byte(r.text))
		fields := le.AppendUint16(le.AppendUint16(nil, 45), 0)     // version needed, flags
		fields = append(fields, make([]byte, 6)...)                // stored, no time
		fields = le.AppendUint32(fields, sum)                      // CRC-32
		fields = append(fields, bytes.Repeat([]byte{255}, 8)...)   // both sizes: see the extra field
		fields = le.AppendUint16(fields, uint16(len(r.name)))      // length of the name
		sizes := le.AppendUint64(le.AppendUint64(nil, size), size) // before and after compression
		body = append(append(body, "PK\x03\x04"...), fields...)
		body = append(append(le.AppendUint16(body, 20), r.name...), 1, 0, 16, 0)
		body = append(append(body, sizes...), r.text...)
		directory = append(append(directory, "PK\x01\x02-\x00"...), fields...)
		directory = append(le.AppendUint16(directory, 28), make([]byte, 10)...) // no comment, disk, attributes
		directory = append(append(directory, 255, 255, 255, 255), r.name...)    // the place: see the extra field
		directory = append(append(directory, 1, 0, 24, 0), sizes...)
		directory = le.AppendUint64(directory, at)
	}
	end := le.AppendUint64(append([]byte("PK\x06\x06"), 44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0), uint64(len(all)))
	end = le.AppendUint64(le.AppendUint64(end, uint64(len(all))), uint64(len(directory)))
	end = le.AppendUint64(end, uint64(len(body)))
	end = append(end, "PK\x06\x07\x00\x00\x00\x00"...)
	end = le.AppendUint32(le.AppendUint64(end, uint64(len(body)+len(directory))), 1)
	end = append(append(end, "PK\x05\x06\x00\x00\x00\x00"...), bytes.Repeat([]byte{255}, 12)...)
	return append(append(append(body, directory...), end...), 0, 0)
}

// overlap makes the directory's entry of data/2 lead to the header of data/0.
func overlap(t *testing.T, all []record) []byte {
	t.Helper()
	whole := pack(t, all...)
	directory := func(name string) int { // of the place where a directory entry keeps its offset
		at := bytes.LastIndex(whole, []byte(name))
		require.Positive(t, at)
		return at - 4
	}
	sizes := map[string]int{}
	for _, r := range all {
		sizes[r.name] = len(r.text)
	}
	from, to := directory("zip/data/0"), directory("zip/data/2")
	copy(whole[to:to+4], whole[from:from+4])
	require.Positive(t, sizes["zip/data/0"])
	return whole
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.bin")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestErrorsAreOneLine(t *testing.T) {
	_, err := parse("x", strings.NewReader("\x80\x02cos\r\x00\x1b[31m\nsystem\n."), 25)
	require.ErrorContains(t, err, `"os\r\x00\x1b[31m.system"`)
}
