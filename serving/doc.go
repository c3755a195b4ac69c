// Package serving answers chats over HTTP in OpenAI's form: one base model, and adapters by name over it.
//
// It promises that a model is asked as it was taught: the text is instruct's Conversation for the adapter's audience, whose
// prompt for one question is the beginning of the training text byte for byte; an adapter whose record names another template
// or other files is not served. Each request is answered by the model that it names, whatever runs beside it; one whose client
// is gone is ended.
//
// It refuses, in OpenAI's form of an error, fields that it does not honour, texts beyond the model's window, more requests at
// once than it has room for, and callers without the token where there is one. It logs no text of a chat.
//
//	server, err := serving.New(serving.Config{Models: models, Template: instruct.Guide(), Tokenizer: tok, Window: 2048, Generator: g})
//	if err != nil {
//		return err
//	}
//	return http.ListenAndServe("127.0.0.1:8000", server.Handler())
package serving
