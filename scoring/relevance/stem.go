package relevance

import "strings"

// stem makes forms of a word meet: "treated" and "treatment", "infectious" and "infection". It cuts common endings and
// then keeps stemLetters letters, which is coarse and easily understood.
func stem(word string) string {
	word = strings.TrimSuffix(word, "'s")
	for _, spelling := range []struct{ british, american string }{{"aemi", "emi"}, {"oea", "ea"}, {"oede", "ede"}, {"oes", "es"}, {"haem", "hem"}, {"paed", "ped"}, {"ise", "ize"}, {"our", "or"}} {
		word = strings.Replace(word, spelling.british, spelling.american, 1)
	}
	for _, ending := range []string{"ations", "ation", "ments", "ment", "ness", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e", "y"} {
		if cut, isCut := strings.CutSuffix(word, ending); isCut && len(cut) >= 3 {
			word = cut
			break
		}
	}
	if len(word) > stemLetters {
		word = word[:stemLetters]
	}
	return word
}

const stemLetters = 6

// isStopword leaves out words that say nothing about the subject.
func isStopword(word string) bool { return stopwords[word] }

var stopwords = func() map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(`a an the and or but if then than that this these those there here it its he she they them his her their i me my we
		us our you your who whom which what whats what's when where why how is are was were be been being am do does did done doing have has had having can could
		may might must shall should will would not no nor of in on at by for with from to into onto over under about above below between after before during
		through against as so too very more most much many some any all each every other another such own same few several both just only also often usually
		mostly sometimes get gets got getting make makes made take takes took give gives given use used uses using help helps need needs want like well good
		better best one two three first also way ways thing things something anything because while until since without within per via out up down off again
		once still even yet i'm im don't can't cant dont doesn't isn't mean means come comes go goes say says know called`) {
		set[word] = true
	}
	return set
}()
