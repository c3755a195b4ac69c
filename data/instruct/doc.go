// Package instruct turns a question and an answer into the guide's instruction text for an audience.
//
// It promises the text of the guide's format_for_instruction_tuning, character for character, and an identity
// of the template by its effect: two templates with one hash give the same text for every row. The prompt of a
// row is exactly the beginning of its training text, so a model is asked as it was taught.
//
// The same text goes to a model that is served (Conversation), and is written as the chat templates of other programs (Jinja,
// Ollama); a model that was taught by another template is refused by its hash.
//
// It refuses an unknown audience, and rows without a question or an answer, for which the guide's code would
// write the word nan.
//
//	template := instruct.Guide()
//	text, err := template.Text("What is asthma?", "A disease of the airways.", spec.Patient)
package instruct
