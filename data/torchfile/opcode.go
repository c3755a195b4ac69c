package torchfile

import "fmt"

// Operations of pickle protocols 2 to 5, named as Python's pickletools names them.
const (
	opMark           = '('
	opStop           = '.'
	opPop            = '0'
	opPopMark        = '1'
	opDup            = '2'
	opBinFloat       = 'G'
	opBinInt         = 'J'
	opBinInt1        = 'K'
	opBinInt2        = 'M'
	opNone           = 'N'
	opBinPersID      = 'Q'
	opReduce         = 'R'
	opBinString      = 'T'
	opShortBinString = 'U'
	opBinUnicode     = 'X'
	opBinBytes       = 'B'
	opShortBinBytes  = 'C'
	opEmptyList      = ']'
	opAppend         = 'a'
	opAppends        = 'e'
	opBuild          = 'b'
	opGlobal         = 'c'
	opEmptyDict      = '}'
	opSetItem        = 's'
	opSetItems       = 'u'
	opBinGet         = 'h'
	opLongBinGet     = 'j'
	opBinPut         = 'q'
	opLongBinPut     = 'r'
	opTuple          = 't'
	opEmptyTuple     = ')'
	opProto          = 0x80
	opTuple1         = 0x85
	opTuple2         = 0x86
	opTuple3         = 0x87
	opNewTrue        = 0x88
	opNewFalse       = 0x89
	opLong1          = 0x8a
	opShortUnicode   = 0x8c
	opBinUnicode8    = 0x8d
	opStackGlobal    = 0x93
	opMemoize        = 0x94
	opFrame          = 0x95

	// These could make objects of classes, or call something. They are read only to say what they would have done.
	opInst     = 'i'
	opObj      = 'o'
	opNewObj   = 0x81
	opNewObjEx = 0x92
	opExt1     = 0x82
	opExt2     = 0x83
	opExt4     = 0x84
)

// opName names an operation that is refused.
func opName(op byte) string {
	switch op {
	case opInst:
		return "INST"
	case opObj:
		return "OBJ"
	case opNewObj:
		return "NEWOBJ"
	case opNewObjEx:
		return "NEWOBJ_EX"
	case opExt1, opExt2, opExt4:
		return "EXT"
	}
	return fmt.Sprintf("0x%02x", op)
}
