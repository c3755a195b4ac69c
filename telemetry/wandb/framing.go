package wandb

import (
	"encoding/binary"
	"hash/crc32"
)

// A .wandb file is a LevelDB log behind seven bytes of its own: blocks of 32 KiB, in each of them chunks with a header of
// checksum, length and type. W&B takes the plain CRC-32 (IEEE) over type and data, where LevelDB takes a masked CRC-32C.
const (
	blockSize  = 32 << 10
	headerSize = 7

	chunkFull   = 1
	chunkFirst  = 2
	chunkMiddle = 3
	chunkLast   = 4
)

// preamble are the first bytes of a file: its name, a magic number and a version. They count as part of the first block.
func preamble() []byte { return []byte(":W&B\xe1\xbe\x00") }

// framing cuts records into chunks; it knows how long the file is.
type framing struct{ length int }

// append frames one record behind out.
func (f *framing) append(out, record []byte) []byte {
	before := len(out)
	position := func() int { return (f.length + len(out) - before) % blockSize }
	for first := true; first || len(record) > 0; first = false {
		if left := blockSize - position(); left < headerSize {
			out = append(out, make([]byte, left)...)
		}
		part := record[:min(len(record), blockSize-position()-headerSize)]
		record = record[len(part):]
		out = appendChunk(out, chunkType(first, len(record) == 0), part)
	}
	f.length += len(out) - before
	return out
}

func chunkType(first, last bool) byte {
	switch {
	case first && last:
		return chunkFull
	case first:
		return chunkFirst
	case last:
		return chunkLast
	}
	return chunkMiddle
}

func appendChunk(out []byte, kind byte, data []byte) []byte {
	sum := crc32.Update(crc32.ChecksumIEEE([]byte{kind}), crc32.IEEETable, data)
	out = binary.LittleEndian.AppendUint32(out, sum)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(data)))
	return append(append(out, kind), data...)
}
