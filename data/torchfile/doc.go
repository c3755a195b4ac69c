// Package torchfile reads the tensors of files that torch.save wrote, such as pytorch_model.bin: the zip form of PyTorch
// 1.6 and newer, and the legacy form before it.
//
// Both forms hold a Python pickle, which is a program: loading one in Python can run any command. Here a pickle can build
// tensors and nothing else. It is read by a machine that knows a short list of names (see the table in allow.go), each of
// which makes a plain value; there is no name for anything that acts, so there is nothing to escape to. Any other name,
// and any operation on a name that it is not meant for, is an error that tells which and at which byte.
//
// It promises that the whole file is checked before anything is handed out: after Open succeeds every tensor lies inside
// its storage and every storage inside the file. Memory stays in proportion to the pickle, which is bounded, whatever sizes
// the file claims; the numbers themselves stay on the disk until they are read. Views and shared storages come out as
// torch has them: a transposed tensor is laid out row by row, and two names of one storage carry the same Storage.
//
// It refuses big-endian files, the tar form of PyTorch 0.1, TorchScript archives, compressed or overlapping zip entries,
// sparse, quantised, complex, conjugated and meta tensors, and whatever is not a flat dictionary of tensors. It does not
// compare the numbers with the checksums of the zip, as torch does not: who fetched the file has its digest.
//
//	file, err := torchfile.Open("pytorch_model.bin")
//	if err != nil {
//		return err // pytorch_model.bin: the pickle names "posix.system" at byte 2 of archive/data.pkl, which is never …
//	}
//	defer file.Close()
//	for _, tensor := range file.Tensors() {
//		data, err := file.Data(tensor.Name) // its numbers, row by row, little-endian
//		…
//	}
package torchfile
