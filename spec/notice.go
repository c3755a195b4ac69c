package spec

import (
	"fmt"
	"strings"
	"time"
)

// NoticeKind is what asks for a person.
type NoticeKind string

// The kinds of a notice.
const (
	NoticeApproval    NoticeKind = "approval"    // a candidate waits for a decision
	NoticeExpiry      NoticeKind = "expiry"      // the time to decide runs out
	NoticeVerdict     NoticeKind = "verdict"     // the gates let a candidate pass to nobody
	NoticeDrift       NoticeKind = "drift"       // what a channel serves does significantly worse
	NoticeTakenBack   NoticeKind = "taken-back"  // a release was undone by its smoke check
	NoticePreferences NoticeKind = "preferences" // nobody has judged in a collection for a while
)

// Notice tells people that something asks for one of them. It has names and digests only, never a text of a row or of a model.
type Notice struct {
	Kind      NoticeKind `json:"kind"`
	Run       RunID      `json:"run"`
	Workflow  string     `json:"workflow,omitempty"` // ID of the run's workflow
	Channel   string     `json:"channel,omitempty"`
	Audiences []Audience `json:"audiences,omitempty"`
	Digest    Digest     `json:"digest,omitempty"` // of the candidate; of the gates' report for a verdict
	Due       time.Time  `json:"due,omitzero"`     // of an expiry
	Level     int        `json:"level,omitempty"`  // as in Escalation
}

// Text is the notice on one line.
func (n Notice) Text() string {
	switch n.Kind {
	case NoticeApproval:
		return fmt.Sprintf("run %s waits for a decision on candidate %s for channel %s", n.Run, n.Digest.Short(), n.Channel)
	case NoticeExpiry:
		return fmt.Sprintf("the time to decide on candidate %s of run %s ends at %s", n.Digest.Short(), n.Run, n.Due.UTC().Format(time.RFC3339))
	case NoticeVerdict:
		return fmt.Sprintf("the gates stop run %s before channel %s, report %s", n.Run, n.Channel, n.Digest.Short())
	case NoticeDrift:
		var audiences []string
		for _, audience := range n.Audiences {
			audiences = append(audiences, string(audience))
		}
		return fmt.Sprintf("what channel %s serves does significantly worse on new rows, audience %s (run %s)", n.Channel, strings.Join(audiences, ", "), n.Run)
	case NoticeTakenBack:
		return fmt.Sprintf("candidate %s of run %s failed its smoke check, channel %s was taken back", n.Digest.Short(), n.Run, n.Channel)
	case NoticePreferences:
		return fmt.Sprintf("nobody has judged in collection %s for a while", n.Run)
	}
	return fmt.Sprintf("run %s: %s", n.Run, n.Kind)
}
