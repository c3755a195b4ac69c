// Package export writes a model in the forms that other programs run: a GGUF file for llama.cpp and what is built on it,
// and Ollama's Modelfile. It reads Hugging Face folders of the families that the engine has (Llama with SmolLM2, Qwen2,
// Qwen3, Mistral; GPT-2) and GGUF files of the first kind, alone or with a PEFT adapter over them, without libtorch.
//
// It promises the names, the metadata and the layout of llama.cpp's own convert_hf_to_gguf.py, quantised tensors that are
// bit for bit those of ggml's reference quantisers, the types that llama-quantize chooses for each tensor, and memory for
// the largest tensor. What llama.cpp would compute in another way is refused, or said in Model.Notes.
//
// It refuses weights that nothing in the configuration explains, an embedding with fewer rows than the tokenizer has
// tokens, and rotary scalings, biases and activations for which llama.cpp's architecture has no place.
//
//	model, err := export.Open("models/smollm2", "adapters/patient") // an empty adapter is none
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	model.ChatTemplate, err = instruct.Guide().Jinja(spec.Patient, false)
//	...
//	report, err := model.GGUF(ctx, "patient.Q4_K.gguf", "Q4_K", nil)
package export
