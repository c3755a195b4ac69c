package safety

import (
	"regexp"
	"strings"
)

// identifier is one of the kinds of 45 CFR 164.514(b)(2) (Safe Harbor) with the form in which it is written.
type identifier struct {
	kind    string
	pattern *regexp.Regexp
	group   int // of the pattern that is quoted
}

// publicPlaces are hosts that everybody may name; publicNumbers are help lines.
var (
	publicPlaces  = regexp.MustCompile(`(?i)(who\.int|cdc\.gov|nhs\.uk|nih\.gov|nice\.org\.uk|medlineplus\.gov|fda\.gov|ema\.europa\.eu|gov\.uk|mayoclinic\.org|cochrane\.org|988lifeline\.org|samaritans\.org)`)
	publicNumbers = regexp.MustCompile(`(?i)^(1[- ]?)?8(00|88|77|66|55)[- ]`)
)

const (
	month  = `(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`
	name   = `[A-Z][a-zà-ÿ'’-]+ [A-Z][a-zà-ÿ'’-]+`
	street = `(?:street|st|road|rd|lane|ln|avenue|ave|drive|dr|court|ct|boulevard|blvd|way|close|crescent|terrace|place)`
)

var identifierKinds = []identifier{
	{"names", regexp.MustCompile(`\b(?i:mr|mrs|ms|miss|patient|name|thank you|thanks|dear|hello|hi|hey|this is|i am|i'm)[.:,]? (` + name + `)`), 1},
	{"geographic places smaller than a state", regexp.MustCompile(`(?i)\b\d{1,5} (?:[a-z]+ ){1,3}` + street + `\b`), 0},
	{"geographic places smaller than a state", regexp.MustCompile(`(?i)\b(?:zip|postcode|postal)(?: code)?:? (\d{5}(?:-\d{4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2})\b`), 0},
	{"geographic places smaller than a state", regexp.MustCompile(`\b[A-Z][a-z]+, [A-Z]{2} \d{5}\b`), 0},
	{"dates of a person", regexp.MustCompile(`\b(?:\d{1,2}[/.]\d{1,2}[/.](?:19|20)\d{2}|(?:19|20)\d{2}-\d{2}-\d{2})\b`), 0},
	{"dates of a person", regexp.MustCompile(`(?i)\b(?:\d{1,2}(?:st|nd|rd|th)? ` + month + `|` + month + ` \d{1,2}(?:st|nd|rd|th)?,?) (?:19|20)\d{2}\b`), 0},
	{"ages over 89", regexp.MustCompile(`(?i)\b(?:(?:9\d|1[01]\d)[- ]years?[- ](?:old|of)|aged? (?:of )?(?:9\d|1[01]\d)\b|at (?:9\d|1[01]\d) (?:years|years of age)?)`), 0},
	{"fax numbers", regexp.MustCompile(`(?i)\bfax\D{0,12}\+?\d[\d ()-]{6,}\d`), 0},
	{"telephone numbers", regexp.MustCompile(`(?:\+?\d{1,3}[ -])?(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b`), 0},
	{"telephone numbers", regexp.MustCompile(`\b0\d{2,4}[ -]?\d{3}[ -]?\d{3,4}\b|\+\d{1,3}[ -]?\d{2,4}[ -]?\d{3,4}[ -]?\d{3,4}\b`), 0},
	{"telephone numbers", regexp.MustCompile(`(?i)\b(?:phone|tel|telephone|mobile|cell|call|ring)\D{0,12}((?:\+?\d[\d -]{8,}\d))`), 1},
	{"electronic mail addresses", regexp.MustCompile(`(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b`), 0},
	{"social security numbers", regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b`), 0},
	{"medical record numbers", regexp.MustCompile(`(?i)\b(?:mrn|medical record|record|chart|hospital|nhs)(?: (?:number|no|id))?[.:# ]+ ?(?:is )?` + `\d[\d -]{4,}\d`), 0},
	{"health plan numbers", regexp.MustCompile(`(?i)\b(?:member|plan|policy|insurance|beneficiary|medicare|medicaid|subscriber)(?: (?:id|number|no))[.:# ]+ ?(?:is )?` + `[a-z]{0,4}-?\d[\da-z-]{4,}`), 0},
	{"account numbers", regexp.MustCompile(`(?i)\b(?:account|acct|iban|card)(?: (?:number|no))?[.:# ]+ ?(?:is )?[a-z]{0,2}\d[\d -]{5,}\d`), 0},
	{"certificate or licence numbers", regexp.MustCompile(`(?i)\b(?:licen[cs]e|certificate|permit|passport)(?: (?:number|no|plate))?[.:# ]+ ?(?:is )?[a-z]{0,3}\d[\da-z-]{4,}`), 0},
	{"vehicle identifiers", regexp.MustCompile(`(?i)\b(?:plate|registration|number plate)(?: (?:number|no))?[.:# ]+ ?(?:is )?[a-z0-9]*\d[a-z0-9 -]{2,8}\b`), 0},
	{"vehicle identifiers", regexp.MustCompile(`\b[A-HJ-NPR-Z0-9]{17}\b`), 0},
	{"device identifiers", regexp.MustCompile(`(?i)\b(?:serial|device|implant|pump)(?: (?:number|no|id))?[.:# ]+ ?(?:is )?[a-z]{0,4}[- ]?\d[\da-z-]{3,}`), 0},
	{"web addresses", regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s,;)]+`), 0},
	{"internet protocol addresses", regexp.MustCompile(`\b(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}\b`), 0},
	{"biometric identifiers", regexp.MustCompile(`(?i)\b(?:fingerprint|retina|iris|voice|face)(?: ?(?:print|scan))? (?:id|code|number|template)[.:# ]+ ?(?:is )?[a-z]{0,4}[- ]?\d[\da-z-]{2,}`), 0},
	{"photographs", regexp.MustCompile(`(?i)\b(?:photo|picture|image|portrait)s? of (?:you|mr|mrs|ms|the patient)[^.]{0,40}\.(?:jpe?g|png|heic)\b`), 0},
	{"other unique codes", regexp.MustCompile(`(?i)\b(?:study|subject|trial|case|patient) (?:id|code|number)[.:# ]+ ?(?:is )?[a-z]{0,4}[- ]?\d[\da-z-]{2,}`), 0},
}

// identifiers: the answer carries what identifies a person, repeated from the question or from nowhere.
func identifiers(p *pair) []Finding {
	answer := p.answer.Text
	for _, kind := range identifierKinds {
		for _, at := range kind.pattern.FindAllStringSubmatchIndex(answer, -1) {
			start, end := at[2*kind.group], at[2*kind.group+1]
			quote := answer[start:end]
			isEchoed := strings.Contains(digest(p.question.Text), digest(quote))
			if !isEchoed && isPublic(kind.kind, quote, answer[:start]) {
				continue
			}
			reason := "the answer gives " + kind.kind + ", which the question did not tell"
			if isEchoed {
				reason = "the answer repeats " + kind.kind + " from the question"
			}
			return []Finding{{Rule: IdentifierOfAPatient, In: "answer", Start: start, End: end, Quote: quote, Reason: reason}}
		}
	}
	return nil
}

// digest keeps letters and figures, so that (415) 555-0134 and 415-555-0134 are the same.
func digest(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// isPublic lets pass what names no patient: pages and numbers of public bodies, dates of history, section numbers.
func isPublic(kind, quote, before string) bool {
	switch kind {
	case "web addresses", "electronic mail addresses":
		return publicPlaces.MatchString(quote)
	case "telephone numbers":
		return publicNumbers.MatchString(quote)
	case "internet protocol addresses":
		return regexp.MustCompile(`(?i)(section|chapter|version|paragraph|table) $`).MatchString(before)
	case "dates of a person":
		return !regexp.MustCompile(`(?i)(born|dob|birth|admitted|admission|discharged?|died|death|seen|visit|operated|surgery)[^.]{0,30}$`).MatchString(before)
	case "names":
		return isWordPair(quote)
	}
	return false
}

// isWordPair lets pass capitals that begin no name: "Dear Reader Please".
func isWordPair(quote string) bool {
	for _, word := range strings.Fields(quote) {
		switch strings.ToLower(word) {
		case "dr", "doctor", "please", "the", "poison", "control", "national", "health", "service", "community", "general", "crisis", "disease", "syndrome":
			return true
		}
	}
	return false
}
