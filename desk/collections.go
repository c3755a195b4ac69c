package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"elara/desk/access"
	"elara/desk/audit"
	"elara/desk/review"
	"elara/spec"
	"elara/spec/fault"
)

func (d *Desk) showCollections(w http.ResponseWriter, r *http.Request, person access.Person) error {
	open, err := d.review.Open(r.Context())
	if err != nil {
		return err
	}
	return d.show(w, http.StatusOK, "collections", page{Title: "Collections", Person: &person, Body: open})
}

type collectionPage struct {
	spec.PreferencesStatus
	Agreement spec.AgreementResult
}

func (d *Desk) showCollection(w http.ResponseWriter, r *http.Request, person access.Person) error {
	status, agreement, err := d.review.Status(r.Context(), spec.RunID(r.PathValue("run")))
	if err != nil {
		return err
	}
	return d.show(w, http.StatusOK, "collection", page{
		Title: "Collection " + string(status.Run), Person: &person, Told: d.told(r), Body: collectionPage{status, agreement},
	})
}

type comparePage struct {
	Run    spec.RunID
	Action string
	review.Shown
	MaxReason int
}

func (d *Desk) showPair(w http.ResponseWriter, r *http.Request, person access.Person) error {
	run := spec.RunID(r.PathValue("run"))
	shown, err := d.review.Next(r.Context(), run, person.Name)
	if err != nil {
		return err
	}
	return d.show(w, http.StatusOK, "compare", page{
		Title: "Compare answers", Person: &person, Told: d.told(r),
		Body: comparePage{run, judgePath(run), shown, spec.MaxReason},
	})
}

func judgePath(run spec.RunID) string {
	return "/collections/" + url.PathEscape(string(run)) + "/judge"
}

// judge takes a judgement. It is confirmed when its Update was accepted, and not before.
func (d *Desk) judge(w http.ResponseWriter, r *http.Request, person access.Person) error {
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "the form cannot be read: %w", err)
	}
	number, err := strconv.Atoi(r.PostForm.Get("number"))
	if err != nil {
		return fault.New(fault.Invalid, "the number of the pair is missing")
	}
	j := spec.Judgement{
		Collection: spec.RunID(r.PathValue("run")), Pair: spec.Digest(r.PostForm.Get("pair")), Number: number,
		Choice: spec.Choice(r.PostForm.Get("choice")), Reviewer: person.Name,
	}
	if err := j.Check(); err != nil {
		return err // before anything of it is written down
	}
	act := audit.Entry{
		What: audit.Judge, Who: person.Name, By: person.By(), From: d.addressOf(r),
		On: string(j.Collection), Digest: j.Pair, Said: string(j.Choice),
	}
	var recorded spec.RecordedJudgement
	if err := d.act(act, func() (before bool, err error) {
		recorded, err = d.review.Judge(r.Context(), j, reasonOf(r))
		return recorded.JudgedAt.IsZero(), err
	}); err != nil {
		return err
	}
	told := fmt.Sprintf("Your judgement of pair %d is kept.", recorded.Number)
	if recorded.JudgedAt.IsZero() {
		told = fmt.Sprintf("You had said so of pair %d before. That judgement stands, with the reason that was given then.", recorded.Number)
	}
	return d.goOn(w, r, "/collections/"+url.PathEscape(string(j.Collection))+"/compare", told)
}

// reasonOf is the reason that a form gives. Browsers send the ends of lines as CR LF.
func reasonOf(r *http.Request) string {
	return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("reason"), "\r\n", "\n"))
}

// act does something that changes the world, and writes it down.
func (d *Desk) act(entry audit.Entry, do func() (saidBefore bool, err error)) error {
	lost, err := d.audit.Act(entry, do)
	d.wrote(lost)
	return err
}

const purposeTold = "told"

// goOn leads to a page that says what was done. The words are sealed: no link of a stranger's makes a page say something.
func (d *Desk) goOn(w http.ResponseWriter, r *http.Request, path, told string) error {
	sealed, err := d.seal.Seal(purposeTold, told)
	if err != nil {
		return err
	}
	http.Redirect(w, r, path+"?told="+sealed, http.StatusSeeOther)
	return nil
}

func (d *Desk) told(r *http.Request) string {
	var words string
	if !d.seal.Open(purposeTold, r.URL.Query().Get("told"), &words) {
		return ""
	}
	return words
}

// sentForm is what a request has sent, for the page that says why it was not taken; nil where it sent nothing.
func sentForm(r *http.Request) *typed {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return nil
	}
	sent := typed{Action: r.URL.Path, Reason: r.PostForm.Get("reason"), Next: r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')]}
	switch {
	case strings.HasSuffix(r.URL.Path, "/judge"):
		sent.Choice, sent.Next = field{"choice", r.PostForm.Get("choice")}, sent.Next+"/compare"
		sent.Hidden = []field{{"pair", r.PostForm.Get("pair")}, {"number", r.PostForm.Get("number")}}
	case strings.HasSuffix(r.URL.Path, "/decide"):
		sent.Choice = field{"verdict", r.PostForm.Get("verdict")}
		sent.Hidden = []field{{"candidate", r.PostForm.Get("candidate")}, {"replaces", r.PostForm.Get("replaces")}}
	default:
		return nil
	}
	return &sent
}
