package wandb

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"elara/telemetry/series"
)

// begun is the time in the golden files: 22 November 2026, 09:00 UTC and a quarter of a second.
func begun() time.Time { return time.UnixMilli(1_795_338_000_250) }

func curve() series.Curve {
	return series.Curve{Run: series.Run{
		ID: "demo-1-patient", Adapter: "patient", Name: "first", Group: "demo-1", Project: "elara-medical-lora", Started: begun(),
		Config:   series.Config{{Key: "max_length", Value: json.RawMessage("512")}, {Key: "seed", Value: json.RawMessage("null")}},
		Attempts: []series.Attempt{{Started: begun()}},
	}}
}

// point is one whose loss is a function of its step.
func point(step int64) series.Point {
	return series.Point{Step: step, At: begun().Add(time.Duration(step) * time.Second), Values: []series.Value{{Key: series.TrainLoss, Number: 6 / float64(step)}}}
}

func points(steps ...int64) []series.Point {
	var all []series.Point
	for _, step := range steps {
		all = append(all, point(step))
	}
	return all
}

// records takes a file apart, and checks every checksum.
func records(t *testing.T, data []byte) [][]byte {
	t.Helper()
	require.Equal(t, ":W&B\xe1\xbe\x00", string(data[:7]))
	var all [][]byte
	var record []byte
	for at := 7; at < len(data); {
		if left := 32768 - at%32768; left < 7 {
			at += left
			continue
		}
		length, kind := int(binary.LittleEndian.Uint16(data[at+4:])), data[at+6]
		part := data[at+7 : at+7+length]
		require.Equal(t, crc32.ChecksumIEEE(data[at+6:at+7+length]), binary.LittleEndian.Uint32(data[at:]), "chunk at byte %d", at)
		if record = append(record, part...); kind == 1 || kind == 4 {
			all, record = append(all, record), nil
		}
		at += 7 + length
	}
	require.Nil(t, record, "the last record is whole")
	return all
}

func TestBlocksAreCutAsTheClientCutsThem(t *testing.T) {
	want, err := os.ReadFile("testdata/core.wandb")
	require.NoError(t, err)
	got := preamble()
	f := framing{length: len(got)}
	all := records(t, want)
	require.Greater(t, len(all), 80)
	for _, record := range all {
		got = f.append(got, record)
	}
	require.Equal(t, want, got)
}

func TestBlockEndsWithZerosWhereNoChunkFits(t *testing.T) {
	for left := range 2*headerSize + 1 {
		f := framing{length: 7}
		out := preamble()
		out = f.append(out, make([]byte, blockSize-7-headerSize-left)) // leaves so many bytes of the block
		require.Len(t, out, blockSize-left)
		out = f.append(out, []byte("abcdefghij"))
		require.Equal(t, len(out), f.length)
		require.Equal(t, "abcdefghij", string(records(t, out)[1]), "%d bytes were left", left)
	}
}

func TestRecordsAreThoseOfTheClientsClasses(t *testing.T) {
	text, err := os.ReadFile("testdata/records.hex")
	require.NoError(t, err)
	w, err := CreateOffline(t.TempDir(), curve(), Options{Entity: "clinic", Tags: []string{"a", "b"}})
	require.NoError(t, err)
	require.NoError(t, w.Write(series.Point{Step: 3, At: begun().Add(time.Second), Values: []series.Value{
		{Key: series.TrainLoss, Number: 2.5}, {Key: series.TrainLearningRate, Number: 2e-4},
	}}))
	require.NoError(t, w.Close(true))
	data, err := os.ReadFile(w.path)
	require.NoError(t, err)
	var got []string
	for _, record := range records(t, data) {
		got = append(got, hex.EncodeToString(record))
	}
	require.Equal(t, strings.Fields(string(text)), got)
}

// steps are the steps of the history that a run folder holds.
func steps(t *testing.T, folder string) []int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.wandb"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	found := []int64{}
	for _, record := range records(t, data) {
		if history := message(t, record, recordHistory); history != nil {
			number := message(t, history, historyStep)
			_, _, n := protowire.ConsumeTag(number)
			step, _ := protowire.ConsumeVarint(number[n:])
			found = append(found, int64(step))
		}
	}
	return found
}

// message finds a field that is a message.
func message(t *testing.T, data []byte, wanted protowire.Number) []byte {
	t.Helper()
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		require.Positive(t, n)
		size := protowire.ConsumeFieldValue(number, kind, data[n:])
		require.GreaterOrEqual(t, size, 0)
		if number == wanted {
			value, _ := protowire.ConsumeBytes(data[n:])
			return value
		}
		data = data[n+size:]
	}
	return nil
}

func offlineFolders(t *testing.T, dir string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(dir, "offline-run-*"))
	require.NoError(t, err)
	return folders
}

// attempt is the curve of a training that goes on at a time from a step, with points beyond it kept.
func attempt(at time.Time, until int64, beyond ...int64) series.Curve {
	c := curve()
	for step := int64(1); step <= until; step++ {
		c.Points = append(c.Points, point(step))
	}
	c.Again = points(beyond...)
	c.Run.Attempts = append(c.Run.Attempts, series.Attempt{Started: at, ResumedFrom: until})
	return c
}

func TestRunThatNobodySentIsReplacedByTheWholeSeries(t *testing.T) {
	dir := t.TempDir()
	w, err := CreateOffline(dir, curve(), Options{})
	require.NoError(t, err)
	require.NoError(t, errors.Join(w.Write(point(1)), w.Write(point(2)), w.Write(point(3)), w.file.Close())) // killed
	require.Equal(t, filepath.Join(dir, "offline-run-20261122_090000-demo-1-patient"), w.Folder())

	w, err = CreateOffline(dir, attempt(begun().Add(time.Minute), 2, 3), Options{})
	require.NoError(t, err)
	require.NoError(t, errors.Join(w.Write(point(3)), w.Write(point(4)), w.Close(true)))
	require.Equal(t, []string{filepath.Join(dir, "offline-run-20261122_090100-demo-1-patient")}, offlineFolders(t, dir))
	require.Equal(t, []int64{1, 2, 3, 4}, steps(t, w.Folder()))
}

func TestPointsThatWereSyncedAreNotWrittenAgain(t *testing.T) {
	for _, suffix := range []string{syncedSuffix, stateSuffix} {
		t.Run(suffix, func(t *testing.T) {
			dir := t.TempDir()
			w, err := CreateOffline(dir, curve(), Options{})
			require.NoError(t, err)
			for step := range int64(5) {
				require.NoError(t, w.Write(point(step+1)))
			}
			require.NoError(t, w.file.Close())
			marker := w.path + suffix // wandb sync ran when step 4 was there and step 5 was not
			require.NoError(t, os.WriteFile(marker, nil, 0o600))
			at := begun().Add(4500 * time.Millisecond)
			require.NoError(t, os.Chtimes(marker, at, at))

			second, err := CreateOffline(dir, attempt(begun(), 2, 3, 4, 5), Options{}) // within the same second
			require.NoError(t, err)
			for step := range int64(4) {
				require.NoError(t, second.Write(point(step+3)))
			}
			require.NoError(t, second.Close(true))
			require.Equal(t, []string{w.Folder(), filepath.Join(dir, "offline-run-20261122_090001-demo-1-patient")}, offlineFolders(t, dir))
			require.Equal(t, []int64{5, 6}, steps(t, second.Folder()))
		})
	}
}

func TestWrittenAgainMeansFromTheFirstRecord(t *testing.T) {
	w, err := CreateOffline(t.TempDir(), attempt(begun(), 3), Options{})
	require.NoError(t, err)
	s := Sink{Offline: w, points: points(1, 2, 3)}
	require.NoError(t, s.leaveOut(2))
	require.NoError(t, errors.Join(s.Write(point(4)), s.Close(true)))
	require.Equal(t, []int64{3, 4}, steps(t, w.Folder()))
	data, err := os.ReadFile(w.path)
	require.NoError(t, err)
	for i, record := range records(t, data) {
		require.Equal(t, []byte{1 << 3, byte(i + 1)}, record[:2], "records are numbered from 1")
	}
}

func TestOptionsComeFromTheClientsOwnVariables(t *testing.T) {
	read := func(environment map[string]string) (Options, error) {
		return FromEnvironment(func(name string) string { return environment[name] })
	}
	o, err := read(map[string]string{"WANDB_API_KEY": " k \n", "WANDB_BASE_URL": "http://127.0.0.1:1/", "WANDB_ENTITY": "clinic", "WANDB_TAGS": "a, b,"})
	require.NoError(t, err)
	require.Equal(t, Options{Key: NewKey("k"), Server: "http://127.0.0.1:1/", Entity: "clinic", Tags: []string{"a", "b"}}, o)
	require.Equal(t, "http://127.0.0.1:1", o.server())
	require.Equal(t, "https://api.wandb.ai", Options{}.server())

	o, err = read(map[string]string{"WANDB_API_KEY": "k", "WANDB_MODE": "offline"})
	require.NoError(t, err)
	require.True(t, o.Key.IsZero())
	o, err = read(map[string]string{"WANDB_MODE": "disabled"})
	require.NoError(t, err)
	require.True(t, o.Disable)
	_, err = read(map[string]string{"WANDB_MODE": "dryrun"})
	require.EqualError(t, err, `WANDB_MODE "dryrun": expected online, offline or disabled`)
	for _, server := range []string{"api.wandb.ai", "ftp://x", "https://me:secret@x"} {
		_, err = read(map[string]string{"WANDB_BASE_URL": server})
		require.ErrorContains(t, err, "W&B server: expected a URL such as https://api.wandb.ai")
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestKeyShowsItselfNowhere(t *testing.T) {
	o := Options{Key: NewKey("very-secret")}
	encoded, err := json.Marshal(o.Key)
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %x", o, o, o, o.Key, o.Key, o.Key), string(encoded), o.Key.LogValue().String(), o.Key.String()} {
		require.NotContains(t, text, "very")
		require.NotContains(t, text, hex.EncodeToString([]byte("very")))
		require.Contains(t, text, "***")
	}
}
