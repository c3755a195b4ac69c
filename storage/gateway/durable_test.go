package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3response"
)

// recorder stands for the disk.
type recorder struct {
	root   string
	mu     sync.Mutex
	synced []string
	fail   string // path that cannot be put on the disk
}

func (r *recorder) sync(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := os.Stat(path); err != nil {
		return err
	}
	name, err := filepath.Rel(r.root, path)
	if err != nil {
		return err
	}
	r.synced = append(r.synced, name)
	if name == r.fail {
		return errors.New("input/output error")
	}
	return nil
}

func recorded(t *testing.T) (*objects, *recorder) {
	t.Helper()
	root := t.TempDir()
	o, err := openBackend(root)
	require.NoError(t, err)
	t.Cleanup(o.Shutdown)
	require.NoError(t, o.createBuckets(t.Context(), "known", []string{"elara"}))
	r := &recorder{root: root}
	o.sync = r.sync
	return o, r
}

func put(t *testing.T, o *objects, key, content string) error {
	t.Helper()
	bucket, size := "elara", int64(len(content))
	_, err := o.PutObject(t.Context(), s3response.PutObjectInput{
		Bucket: &bucket, Key: &key, ContentLength: &size, Body: strings.NewReader(content),
	})
	return err
}

func TestAPutIsAnsweredAfterObjectAndFoldersAreOnTheDisk(t *testing.T) {
	o, r := recorded(t)
	require.NoError(t, put(t, o, "runs/a/latest.json", "{}"))
	require.Equal(t, []string{"elara/runs/a/latest.json", "elara/runs/a", "elara/runs", "elara", "."}, r.synced)
}

func TestAPutThatIsNotOnTheDiskIsNotAcknowledged(t *testing.T) {
	for _, path := range []string{"elara/runs/a/latest.json", "elara/runs/a", "elara"} {
		o, r := recorded(t)
		r.fail = path
		require.ErrorContains(t, put(t, o, "runs/a/latest.json", "{}"), "input/output error")
	}
}

func TestAMultipartUploadIsAnsweredAfterItIsOnTheDisk(t *testing.T) {
	o, r := recorded(t)
	bucket, key, number, size := "elara", "cas/large", int32(1), int64(4)
	upload, err := o.CreateMultipartUpload(t.Context(), s3response.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	require.NoError(t, err)
	require.Equal(t, "elara", upload.Bucket)
	part, err := o.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &bucket, Key: &key, UploadId: &upload.UploadId, PartNumber: &number, ContentLength: &size, Body: strings.NewReader("part"),
	})
	require.NoError(t, err)
	require.Empty(t, r.synced)
	complete := func() error {
		_, _, err := o.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: &upload.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: &number}}},
		})
		return err
	}
	r.fail = "elara/cas/large"
	require.ErrorContains(t, complete(), "input/output error")
	r.fail, r.synced = "", nil
	require.NoError(t, complete(), "completing again is how a client recovers")
	require.Equal(t, []string{"elara/cas/large", "elara/cas", "elara", "."}, r.synced)
}

// order records when the tag of a file is set and whether the name is there by then.
type order struct {
	meta.MetadataStorer
	path  string
	named []bool
}

func (o *order) StoreAttribute(file *os.File, bucket, object, attribute string, value []byte) error {
	if file != nil && attribute == tagAttribute {
		_, err := os.Stat(o.path)
		o.named = append(o.named, err == nil)
	}
	return o.MetadataStorer.StoreAttribute(file, bucket, object, attribute, value)
}

func TestTheTagIsSetThroughTheFileBeforeItHasItsName(t *testing.T) {
	// syncedAttributes relies on this order of the backend: a new version that changes it must not go unnoticed.
	root := t.TempDir()
	watch := &order{MetadataStorer: meta.XattrMeta{}, path: filepath.Join(root, "elara/a")}
	o, err := openWith(root, watch)
	require.NoError(t, err)
	t.Cleanup(o.Shutdown)
	require.NoError(t, o.createBuckets(t.Context(), "known", []string{"elara"}))
	require.NoError(t, put(t, o, "a", "x"))
	require.Equal(t, []bool{false}, watch.named)
}

func TestBytesAreSyncedBeforeTheTagIsSet(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	require.NoError(t, file.Close()) // a closed file cannot be synced
	err = syncedAttributes{meta.XattrMeta{}}.StoreAttribute(file, "elara", "a", tagAttribute, []byte("tag"))
	require.ErrorContains(t, err, `sync "a"`)
}

func TestListingsHideWhatACrashLeftBehind(t *testing.T) {
	o, _ := recorded(t)
	require.NoError(t, put(t, o, "runs/latest.json", "{}"))
	require.NoError(t, os.WriteFile(filepath.Join(o.root, "elara/runs/.latest.json.sgwtmp.1795376397"), []byte("{"), 0o600))
	bucket, empty := "elara", ""
	many := int32(10)
	listed, err := o.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: &many, StartAfter: &empty})
	require.NoError(t, err)
	require.Equal(t, "elara", *listed.Name)
	keys := slices.Collect(func(yield func(string) bool) {
		for _, object := range listed.Contents {
			yield(*object.Key)
		}
	})
	require.Equal(t, []string{"runs/latest.json"}, keys)
}

func TestWhatIsNotServedIsRefused(t *testing.T) {
	o, _ := recorded(t)
	_, err := o.CopyObject(t.Context(), s3response.CopyObjectInput{})
	require.ErrorContains(t, err, "not implemented")
}
