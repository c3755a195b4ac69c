package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
)

// syncedAttributes puts the bytes of an object on the disk before the object gets its name. The backend writes an
// unnamed file, sets its attributes through the open descriptor and then links it; the tag is set once all bytes are
// written. Were the name on the disk before the bytes, a power cut could leave a torn object under it.
type syncedAttributes struct{ meta.MetadataStorer }

const tagAttribute = "etag"

func (s syncedAttributes) StoreAttribute(file *os.File, bucket, object, attribute string, value []byte) error {
	if file != nil && attribute == tagAttribute {
		if err := file.Sync(); err != nil {
			return fmt.Errorf("sync %q: %w", object, err)
		}
	}
	return s.MetadataStorer.StoreAttribute(file, bucket, object, attribute, value)
}

// syncObject puts an object's file, with its attributes, and every folder above it on the disk. An object that is gone
// was removed or replaced in the meantime by a request that answers for itself.
func (o *objects) syncObject(bucket, key string) error {
	path := filepath.Join(o.path(bucket), filepath.FromSlash(key))
	if err := o.sync(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sync %q: %w", key, err)
	}
	return o.syncUp(filepath.Dir(path))
}

// syncUp puts a folder and every one above it, up to the root, on the disk. Removing an object removes the folders
// that it leaves empty, so one of them may be gone.
func (o *objects) syncUp(folder string) error {
	for {
		if err := o.sync(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sync folder: %w", err)
		}
		if folder == o.root || folder == filepath.Dir(folder) {
			return nil
		}
		folder = filepath.Dir(folder)
	}
}
