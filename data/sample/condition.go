package sample

import "elara/spec/fault"

// Urgency says how fast a person with the condition needs care.
type Urgency string

const (
	Emergency Urgency = "emergency" // an ambulance now
	Urgent    Urgency = "urgent"    // a doctor today
	Routine   Urgency = "routine"   // a visit by appointment
)

// Subject says who is ill when a user asks: the user, or the user's child.
type Subject string

const (
	Self  Subject = "self"
	Child Subject = "child"
)

// Source names where the facts can be read up: an organisation and the topic of its publication.
type Source struct {
	Organisation string `yaml:"organisation"`
	Topic        string `yaml:"topic"`
}

// String is the form of the source column: "WHO fact sheet: asthma".
func (s Source) String() string { return s.Organisation + ": " + s.Topic }

// Condition is one entry of the table of facts. Its texts fit into sentences as the comments say; all but
// the last group are plain language, the last group is for professionals.
type Condition struct {
	System string `yaml:"-"` // body system, from the file's head

	ID       string  `yaml:"id"`       // lower-case words joined by hyphens
	Name     string  `yaml:"name"`     // "heart attack", as a heading
	Phrase   string  `yaml:"phrase"`   // "a heart attack", as in "the signs of a heart attack"
	Person   string  `yaml:"person"`   // "someone having a heart attack", as in "How do I help someone ..."
	Clinical string  `yaml:"clinical"` // "acute myocardial infarction", as in "How does ... present?"
	Urgency  Urgency `yaml:"urgency"`
	Subject  Subject `yaml:"subject"`

	What      string   `yaml:"what"`       // sentences
	Cause     string   `yaml:"cause"`      // sentences
	Signs     []string `yaml:"signs"`      // nouns, as in "Signs are ..."; the most telling first
	RedFlags  []string `yaml:"red_flags"`  // nouns, as in "Warning signs are ..."
	Treatment string   `yaml:"treatment"`  // sentences: first-line care
	SelfCare  []string `yaml:"self_care"`  // imperatives without a full stop: "rest as much as you can"
	Avoid     string   `yaml:"avoid"`      // imperative without a full stop: "do not drive yourself to hospital"
	SeeDoctor []string `yaml:"see_doctor"` // clauses, as in "See a doctor if ..."
	Ambulance []string `yaml:"ambulance"`  // clauses, as in "Call the local emergency number if ..."
	Action    string   `yaml:"action"`     // sentences that name the local emergency number: what to do first
	FirstAid  []string `yaml:"first_aid"`  // imperatives without a full stop, in the order of doing them

	Patient []string `yaml:"patient"` // what a patient or parent may say, without a question
	Caller  []string `yaml:"caller"`  // what somebody may say who calls for help, without a question

	Findings   []string `yaml:"findings"`   // nouns, as in "It presents with ..."
	Tests      string   `yaml:"tests"`      // sentences
	Management string   `yaml:"management"` // sentences
	Note       string   `yaml:"note"`       // sentences: a pitfall or a point of judgement

	Sources []Source `yaml:"sources"`
}

// spread picks n conditions evenly over the table, so that a small set still has all kinds in it; 0 picks all.
func spread(all []Condition, n int) ([]Condition, error) {
	if n < 0 || n > len(all) {
		return nil, fault.New(fault.Invalid, "sample data for %d conditions; expected 1 to %d, or 0 for all", n, len(all))
	}
	if n == 0 {
		return all, nil
	}
	picked := make([]Condition, n)
	for i := range picked {
		picked[i] = all[i*len(all)/n]
	}
	return picked, nil
}
