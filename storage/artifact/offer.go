package artifact

import (
	"context"
	"encoding/json"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const offersPrefix = "candidates/"

// Offer is the alias "candidate" of a channel: what its reviewers were asked about last. The alias "production" is its
// Release.
type Offer struct {
	Channel   string           `json:"channel"`
	Run       spec.RunID       `json:"run"`
	Candidate spec.ArtifactRef `json:"candidate"`
	Replaces  spec.Digest      `json:"replaces,omitempty"` // what production served then
	Approvers []string         `json:"approvers,omitempty"`
	Smoke     spec.SmokePlan   `json:"smoke,omitzero"`    // what it is asked once it is released
	Decision  spec.ArtifactRef `json:"decision,omitzero"` // decision artifact; zero: nobody has decided
}

// OfferKey gives the object key of a channel's offer.
func OfferKey(channel string) string { return offersPrefix + channel + ".json" }

// PutOffer points the alias to a new candidate; the last one to come holds. What was offered before is still decided on in
// its own run.
func PutOffer(ctx context.Context, store storage.Store, offer Offer) error {
	if err := checkChannel(offer.Channel); err != nil {
		return err
	}
	if err := offer.Candidate.Digest.Check(); err != nil {
		return err
	}
	return offer.put(ctx, store, storage.Always())
}

// DecideOffer notes the decision beside the offer, unless another candidate or run has taken its place.
func DecideOffer(ctx context.Context, store storage.Store, channel string, run spec.RunID, decision spec.ArtifactRef) error {
	offer, info, err := readOffer(ctx, store, channel)
	if fault.Is(err, fault.NotFound) || err == nil && (offer.Run != run || offer.Decision == decision) {
		return nil
	}
	if err != nil {
		return err
	}
	offer.Decision = decision
	return offer.put(ctx, store, storage.IfMatch(info.ETag))
}

// FindOffer reads the alias; NotFound when no candidate was offered yet.
func FindOffer(ctx context.Context, store storage.Store, channel string) (Offer, error) {
	if err := checkChannel(channel); err != nil {
		return Offer{}, err
	}
	offer, _, err := readOffer(ctx, store, channel)
	if fault.Is(err, fault.NotFound) {
		return Offer{}, fault.New(fault.NotFound, "no candidate was offered to channel %q yet", channel)
	}
	return offer, err
}

// offers gives the offer of every channel that has one, in the order of their keys.
func offers(ctx context.Context, store storage.Store) ([]Offer, error) {
	var all []Offer
	for channel, err := range pointers(ctx, store, offersPrefix) {
		if err != nil {
			return nil, err
		}
		offer, err := FindOffer(ctx, store, channel)
		if err != nil {
			return nil, err
		}
		all = append(all, offer)
	}
	return all, nil
}

func (o Offer) put(ctx context.Context, store storage.Store, condition storage.Condition) error {
	content, err := json.Marshal(o)
	if err != nil {
		return fault.New(fault.Invalid, "offer to channel %q: %w", o.Channel, err)
	}
	_, err = storage.Replace(ctx, store, OfferKey(o.Channel), content, condition)
	return err
}

func readOffer(ctx context.Context, store storage.Store, channel string) (Offer, storage.Info, error) {
	content, info, err := storage.ReadAll(ctx, store, OfferKey(channel))
	if err != nil {
		return Offer{}, info, err
	}
	var offer Offer
	if err := json.Unmarshal(content, &offer); err != nil || offer.Channel != channel {
		return Offer{}, info, fault.New(fault.Corrupt, "pointer %q does not belong to channel %q", OfferKey(channel), channel)
	}
	return offer, info, nil
}

// ReadCandidate reads what a candidate consists of.
func ReadCandidate(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (spec.Candidate, error) {
	return readJSON[spec.Candidate](ctx, store, ref, spec.CandidateFile)
}

// ReadDecision reads a decision artifact.
func ReadDecision(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (spec.Decision, error) {
	return readJSON[spec.Decision](ctx, store, ref, spec.DecisionFile)
}

// PublishJSON stores an artifact of one file, which holds content in a form for people to read.
func PublishJSON(ctx context.Context, store storage.Store, kind spec.ArtifactKind, name string, content any, inputs []spec.Digest) (spec.ArtifactRef, error) {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return spec.ArtifactRef{}, fault.New(fault.Invalid, "%s: %w", name, err)
	}
	return PublishBytes(ctx, store, kind, map[string][]byte{name: append(text, '\n')}, inputs, nil)
}

func readJSON[Content any](ctx context.Context, store storage.Store, ref spec.ArtifactRef, name string) (Content, error) {
	var content Content
	text, err := ReadFile(ctx, store, ref, name)
	if err != nil {
		return content, err
	}
	if err := json.Unmarshal(text, &content); err != nil {
		return content, fault.New(fault.Corrupt, "read file %q of artifact %s: %w", name, ref.Digest.Short(), err)
	}
	return content, nil
}
