package source

// isMissing reports whether read_csv of pandas 3 takes the field for a missing value by default, quoted or
// not. Blanks around the word make it text: " NA" is not missing.
func isMissing(field string) bool {
	switch field {
	case "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
		"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null":
		return true
	}
	return false
}
