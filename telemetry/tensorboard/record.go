package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
)

// maskDelta is TFRecord's: a checksum over data that holds checksums would be weak without it.
const maskDelta = 0xa282ead8

// appendRecord frames data as one TFRecord: length, checksum of the length, data, checksum of the data.
func appendRecord(out, data []byte) []byte {
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(data)))
	out = append(out, length[:]...)
	out = binary.LittleEndian.AppendUint32(out, masked(length[:]))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, masked(data))
}

// masked is the CRC-32C of data, rotated and shifted as TFRecord wants it.
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return (sum>>15 | sum<<17) + maskDelta
}
