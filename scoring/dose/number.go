package dose

import (
	"strconv"
	"strings"

	"elara/scoring/text"
)

// number reads a word as a number: digits with comma or point, or a word up to one hundred.
func number(word string) (value float64, isNumber bool) {
	if value, isWord := spelt[word]; isWord {
		return value, true
	}
	if word == "" || word[0] < '0' || word[0] > '9' {
		return 0, false
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(word, ",", ""), 64)
	return value, err == nil
}

var spelt = map[string]float64{
	"half": 0.5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
	"twelve": 12, "fourteen": 14, "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
	"sixty": 60, "eighty": 80, "ninety": 90, "hundred": 100,
}

// unit is what a written unit means: the kind of amount and how many of its base units it is.
type unit struct {
	kind string
	size float64
}

// Kinds of amounts, by their base unit.
const (
	Milligram  = "mg"
	Millilitre = "ml"
	Hour       = "hour"
	Percent    = "%"
	Unit       = "unit" // of insulin or heparin
	Millimole  = "mmol"
	Centimetre = "cm"
	Plain      = "" // a number without a unit
)

var units = map[string]unit{
	"mg": {Milligram, 1}, "milligram": {Milligram, 1}, "milligrams": {Milligram, 1}, "mgs": {Milligram, 1}, "milligramme": {Milligram, 1}, "milligrammes": {Milligram, 1},
	"g": {Milligram, 1000}, "gram": {Milligram, 1000}, "grams": {Milligram, 1000}, "gramme": {Milligram, 1000}, "grammes": {Milligram, 1000}, "gm": {Milligram, 1000},
	"mcg": {Milligram, 0.001}, "µg": {Milligram, 0.001}, "ug": {Milligram, 0.001}, "microgram": {Milligram, 0.001}, "micrograms": {Milligram, 0.001}, "mcgs": {Milligram, 0.001},
	"ml": {Millilitre, 1}, "millilitre": {Millilitre, 1}, "millilitres": {Millilitre, 1}, "milliliter": {Millilitre, 1}, "milliliters": {Millilitre, 1},
	"l": {Millilitre, 1000}, "litre": {Millilitre, 1000}, "litres": {Millilitre, 1000}, "liter": {Millilitre, 1000}, "liters": {Millilitre, 1000},
	"minute": {Hour, 1.0 / 60}, "minutes": {Hour, 1.0 / 60}, "min": {Hour, 1.0 / 60}, "mins": {Hour, 1.0 / 60},
	"hour": {Hour, 1}, "hours": {Hour, 1}, "h": {Hour, 1}, "hrs": {Hour, 1}, "hr": {Hour, 1},
	"day": {Hour, 24}, "days": {Hour, 24}, "week": {Hour, 168}, "weeks": {Hour, 168}, "month": {Hour, 720}, "months": {Hour, 720},
	"year": {Hour, 8760}, "years": {Hour, 8760},
	"%": {Percent, 1}, "percent": {Percent, 1},
	"units": {Unit, 1}, "unit": {Unit, 1}, "iu": {Unit, 1},
	"mmol": {Millimole, 1}, "cm": {Centimetre, 1}, "centimetres": {Centimetre, 1}, "centimeters": {Centimetre, 1}, "mm": {Centimetre, 0.1},
}

// Quantity is an amount in a text.
type Quantity struct {
	Kind        string  // one of the constants
	Low, High   float64 // both ends, the same for a single value
	IsPerKg     bool
	First, Last int // words, inclusive
}

// Quantities gives all amounts by place. "3 to 4 tablets" and other counts of things are plain numbers.
func Quantities(d *text.Doc) []Quantity {
	var all []Quantity
	for i := 0; i < len(d.Words); i++ {
		q, isFound := quantityAt(d, i)
		if !isFound {
			continue
		}
		all = append(all, q)
		i = q.Last
	}
	return all
}

func quantityAt(d *text.Doc, i int) (Quantity, bool) {
	low, isNumber := number(d.Words[i].Lower)
	if !isNumber {
		return Quantity{}, false
	}
	q := Quantity{Low: low, High: low, First: i, Last: i}
	own, hasOwn := unitAt(d, i+1)
	if hasOwn {
		q.Last++
	}
	scale := own
	if high, last, isRange := rangeEnd(d, q.Last+1); isRange {
		end, hasEnd := unitAt(d, last+1)
		switch {
		case !hasEnd:
			end = own
		case !hasOwn:
			scale = end
		}
		if end.kind == scale.kind && high*end.size >= low*scale.size {
			q.High, q.Last = high, last
			if hasEnd {
				q.Last++
				q.High *= end.size / scale.size
			}
		}
	}
	if scale.kind != Plain {
		q.Kind, q.Low, q.High = scale.kind, q.Low*scale.size, q.High*scale.size
		if n := perKgWords(d, q.Last+1); n > 0 {
			q.IsPerKg, q.Last = true, q.Last+n
		}
	}
	return q, true
}

func unitAt(d *text.Doc, i int) (unit, bool) {
	if i >= len(d.Words) || d.Words[i].Sentence != d.Words[i-1].Sentence {
		return unit{}, false
	}
	u, isUnit := units[d.Words[i].Lower]
	return u, isUnit
}

// rangeEnd reads "to 6", "- 6", "or 6" behind a number.
func rangeEnd(d *text.Doc, at int) (high float64, last int, isRange bool) {
	if at >= len(d.Words) {
		return 0, 0, false
	}
	between := strings.TrimSpace(d.Text[d.Words[at-1].End:d.Words[at].Start])
	if between == "-" || between == "–" {
		high, isRange = number(d.Words[at].Lower)
		return high, at, isRange
	}
	if w := d.Words[at].Lower; (w == "to" || w == "or") && at+1 < len(d.Words) {
		high, isRange = number(d.Words[at+1].Lower)
		return high, at + 1, isRange
	}
	return 0, 0, false
}

// perKgWords is how many words "per kg", "/kg" or "per kg of body weight" takes at a place.
func perKgWords(d *text.Doc, at int) int {
	if at < len(d.Words) && d.Words[at].Lower == "kg" && strings.Contains(d.Text[d.Words[at-1].End:d.Words[at].Start], "/") {
		return 1
	}
	if at+1 < len(d.Words) && (d.Words[at].Lower == "per" || d.Words[at].Lower == "a" || d.Words[at].Lower == "for") {
		if next := d.Words[at+1].Lower; next == "kg" || next == "kilo" || next == "kilogram" {
			return 2
		}
	}
	return 0
}
