package torchfile

// DType is the type of a tensor's numbers, under its name in safetensors.
type DType string

const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL" // a byte, 0 or 1
)

// Size is the bytes of one number.
func (d DType) Size() int64 {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16, I16:
		return 2
	}
	return 1
}

// storageType gives the type that a storage class of torch holds.
func storageType(name string) (DType, bool) {
	switch name {
	case "DoubleStorage":
		return F64, true
	case "FloatStorage":
		return F32, true
	case "HalfStorage":
		return F16, true
	case "BFloat16Storage":
		return BF16, true
	case "LongStorage":
		return I64, true
	case "IntStorage":
		return I32, true
	case "ShortStorage":
		return I16, true
	case "CharStorage":
		return I8, true
	case "ByteStorage", "UntypedStorage": // torch, too, takes a storage without a type for bytes
		return U8, true
	case "BoolStorage":
		return Bool, true
	}
	return "", false
}
