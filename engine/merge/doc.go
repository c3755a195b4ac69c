//go:build torch

// Package merge makes one adapter of several, or puts several into the base, by the methods of PEFT 0.21's
// add_weighted_adapter under its names. With A_i [r, in], B_i [out, r], the scale s_i and the weight w_i of adapter i, and
// D_i = s_i B_i A_i, which for DoRA is what it adds to the base's weight:
//
//	cat                 sum_i w_i D_i, exactly: the factors side by side
//	svd                 sum_i w_i D_i, cut to a rank
//	linear              (sum_i c_i B_i) (sum_i c_i A_i), c_i = sqrt(w_i s_i): not the sum, for it mixes the adapters' factors
//	magnitude_prune     linear of factors without their smallest elements
//	ties                factors without their smallest elements, and the mean of those that agree with the majority's sign
//	dare_linear         linear of factors without random elements, the others being enlarged
//	dare_ties           ties of such factors
//	*_svd               the same of w_i D_i instead of the factors, cut to a rank
//
// It promises PEFT's tensors where PEFT is right, and where it is not (the scale of rsLoRA, DoRA, biases, modules_to_save, ranks
// by pattern) the exact weighted sum of what the adapters do, or a refusal by name. It works tensor by tensor: memory for the
// largest tensor and for the adapters is all it takes. What is pruned at random depends on the seed, the adapter's name and the
// element alone.
//
//	source, err := merge.NewSource(name, adapter) // for each
//	...
//	m, err := merge.New(base, method, sources, key)
//	if err != nil {
//		return err
//	}
//	config, weights, err := m.Encode(each)
package merge
