package tone

import "strings"

// Syllables counts those of an English word by its groups of vowels, with the rules that textbooks name for silent and
// for separate vowels. Numbers count as they are commonly said, one syllable a figure.
func Syllables(word string) int {
	word = strings.Trim(strings.ToLower(word), "'’")
	word = strings.TrimSuffix(strings.TrimSuffix(word, "'s"), "’s")
	if n, isIrregular := irregular[word]; isIrregular {
		return n
	}
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, word)
	if letters == "" {
		return max(1, len(word))
	}
	count, wasVowel := 0, false
	for i := range len(letters) {
		isVowel := strings.IndexByte("aeiouy", letters[i]) >= 0
		if isVowel && (!wasVowel || isSeparate(letters, i)) {
			count++
		}
		wasVowel = isVowel
	}
	return max(1, count-silent(letters))
}

// isSeparate tells vowels that begin a syllable behind another vowel: di-abetes, medi-um, are-a, flu-id.
func isSeparate(letters string, i int) bool {
	pair := letters[i-1 : i+1]
	switch pair {
	case "ia", "io", "iu", "ua", "eo", "uo":
		if pair == "io" && i >= 2 && strings.IndexByte("tsxgc", letters[i-2]) >= 0 {
			return false // -tion, -sion, -xion, -gion, -cious
		}
		if pair == "ia" && i >= 2 && strings.IndexByte("tcg", letters[i-2]) >= 0 && i >= 3 {
			return false // -tial, -cial
		}
		if pair == "ua" && i >= 2 && (letters[i-2] == 'q' || letters[i-2] == 'g') {
			return false
		}
		if pair == "eo" && strings.Contains(letters, "people") {
			return false
		}
		return true
	case "ea":
		return strings.HasSuffix(letters, "rea") && i == len(letters)-1 || strings.HasPrefix(letters, "rea") && strings.HasPrefix(letters, "react") ||
			strings.Contains(letters, "create") || strings.HasSuffix(letters, "area")
	case "oe", "ui":
		return strings.HasSuffix(letters, "fluid") || strings.HasSuffix(letters, "suicide") && pair == "ui" || strings.HasSuffix(letters, "poem")
	case "ie":
		return strings.HasSuffix(letters, "iet") || strings.HasSuffix(letters, "ience") || strings.HasSuffix(letters, "ient") && !strings.HasSuffix(letters, "tient") && !strings.HasSuffix(letters, "cient") ||
			strings.HasSuffix(letters, "iety")
	case "yi", "ye":
		return i == len(letters)-3 && strings.HasSuffix(letters, "ing") || strings.HasSuffix(letters, "yer")
	}
	return strings.HasSuffix(letters, "ing") && i == len(letters)-3 // see-ing, do-ing
}

// silent counts groups of vowels that are not spoken: a final e, -ed but after t and d, -es but after a hiss.
func silent(letters string) int {
	n := len(letters)
	switch {
	case n < 3:
		return 0
	case strings.HasSuffix(letters, "e"):
		before := letters[n-2]
		if strings.IndexByte("aeiouy", before) >= 0 {
			return 0 // one group with it: "disease" ends "se", "tissue" ends "ue"
		}
		if before == 'l' && strings.IndexByte("aeiouyrlw", letters[n-3]) < 0 {
			return 0 // ta-ble, mus-cle
		}
		return 1
	case strings.HasSuffix(letters, "ed"):
		if strings.IndexByte("tdaeiouy", letters[n-3]) >= 0 {
			return 0
		}
		return 1
	case strings.HasSuffix(letters, "es"):
		if strings.IndexByte("aeiouyszxc", letters[n-3]) >= 0 || letters[n-3] == 'g' || strings.HasSuffix(letters, "ches") || strings.HasSuffix(letters, "shes") {
			return 0
		}
		if letters[n-3] == 'l' && strings.IndexByte("aeiouyrlw", letters[n-4]) < 0 {
			return 0
		}
		return 1
	case strings.HasSuffix(letters, "ely"), strings.HasSuffix(letters, "eful"), strings.HasSuffix(letters, "ement"), strings.HasSuffix(letters, "eless"):
		return 1 // safe-ly, care-ful, move-ment
	}
	return 0
}

// irregular are frequent words that the rules get wrong.
var irregular = map[string]int{
	"people": 2, "every": 2, "several": 2, "different": 2, "evening": 2, "area": 3, "doctor": 2, "diabetes": 4, "diabetic": 4, "recipe": 3, "maybe": 2,
	"something": 2, "someone": 2, "sometimes": 2, "somebody": 3, "everyone": 3, "medicine": 3, "once": 1, "eyes": 1, "clothes": 1, "aged": 1, "tired": 2,
	"hours": 2, "hour": 2, "our": 1, "fire": 1, "usually": 4, "being": 2, "science": 2, "quiet": 2, "diet": 2, "heart": 1, "heartbeat": 2, "breathe": 1,
	"bowel": 2, "vowel": 2, "family": 3, "vegetables": 4, "temperature": 4, "business": 2, "used": 1, "noises": 2, "rhythm": 2, "asthma": 2, "anaesthesia": 5,
	"gonorrhoea": 4, "diarrhoea": 4, "diarrhea": 4, "coeliac": 3, "celiac": 3, "oedema": 3, "anaemia": 4, "anemia": 4, "moved": 1, "loved": 1, "needed": 2,
	"ear": 1, "ears": 1, "year": 1, "years": 1, "movement": 2, "reliever": 3, "reliable": 4, "safety": 2, "pneumonia": 3, "sideways": 2, "lifetime": 2, "homework": 2,
}
