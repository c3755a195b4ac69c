// Package safetensors reads files of named tensors in the safetensors format as float32, without libtorch.
//
// It promises that the whole header is checked before anything is handed out: after Open succeeds every tensor lies inside
// the file, has the length of its shape, and overlaps no other. Numbers stay on the disk until they are read.
//
// It refuses types other than F64, F32, F16 and BF16 when such a tensor is read; others may lie in the file.
//
//	file, err := safetensors.Open("model.safetensors")
//	if err != nil {
//		return err
//	}
//	defer file.Close()
//	shape, _ := file.Shape("model.norm.weight")
//	norm := make([]float32, shape[0])
//	err = file.ReadF32("model.norm.weight", norm)
package safetensors
