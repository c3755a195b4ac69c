// Package gguf reads model files in the GGUF format, versions 2 and 3, and writes version 3: typed metadata and tensors
// as float32.
//
// It promises that the whole header is checked before anything is handed out: after Open succeeds every tensor
// lies inside the file, aligned, and overlaps no other. A header that lies about a count or a length is refused
// before memory is reserved for it. Dequantised values are, bit for bit, those of the gguf Python package, and quantised ones
// those of ggml's reference quantisers. A file is written tensor by tensor, and appears when it is whole.
//
// It refuses big-endian files, version 1, arrays of arrays in the metadata, and tensor types other than F32, F16,
// BF16, Q8_0, Q6_K, Q5_K, Q5_0, Q4_K, Q4_1 (read only) and Q4_0. When writing it refuses NaN, infinities, and values
// beyond what a type can hold. It knows no architecture: names and layouts are the model loader's concern. One
// layout deserves a warning: for the architecture "llama" the rows of attn_q.weight and attn_k.weight are stored
// permuted (the two halves of each head's rotary pairs interleaved). This package hands them out as they are
// stored; whoever wants the Hugging Face order undoes the permutation.
//
// Tensors are views of a read-only memory mapping. The file must not be cut while it is open: the operating system
// answers a read past its new end with a signal, not with an error.
//
//	file, err := gguf.Open("model.gguf")
//	if err != nil {
//		return err
//	}
//	defer file.Close()
//	width, err := file.Uint("llama.embedding_length")
//	...
//	norm := make([]float32, width)
//	err = file.ReadF32("output_norm.weight", norm)
package gguf
