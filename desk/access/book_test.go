package access

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/faulty"
	"elara/storage/mem"
)

func TestATokenLetsItsReviewerInUntilItIsRevoked(t *testing.T) {
	store := mem.New()
	book, other := NewBook(store), NewBook(store) // two desks
	token, err := book.Add(t.Context(), "Person A", Approver)
	require.NoError(t, err)
	person, err := other.Enter(t.Context(), " "+token+"\n")
	require.NoError(t, err)
	require.Equal(t, "Person A", person.Name)
	require.True(t, person.Approves())
	require.NoError(t, other.Holds(t.Context(), person))

	require.NoError(t, book.Revoke(t.Context(), person.Token))
	require.NoError(t, book.Revoke(t.Context(), person.Token), "again")
	_, err = other.Enter(t.Context(), token)
	require.Equal(t, errUnknown().Error(), err.Error())
	require.ErrorContains(t, other.Holds(t.Context(), person), "its token was revoked")
	require.Equal(t, fault.NotFound, fault.KindOf(book.Revoke(t.Context(), "5be1c0a97d42")))
}

func TestTokensThatAreNotGoodAreRefusedWithTheSameWords(t *testing.T) {
	book := NewBook(mem.New())
	token, err := book.Add(t.Context(), "Person A", Judge)
	require.NoError(t, err)
	another, err := book.Add(t.Context(), "Person B", Judge)
	require.NoError(t, err)
	id, secret := token[:len("elara_")+12], another[len("elara_")+12:]
	for _, wrong := range []string{"", "elara_", "x" + token, token + "x", token[:len(token)-1], id + secret, "elara_000000000000" + secret, strings.ToUpper(token)} {
		_, err := book.Enter(t.Context(), wrong)
		require.Error(t, err, wrong)
		require.Equal(t, errUnknown().Error(), err.Error(), wrong)
	}
}

func TestTheStoreNeverSeesASecret(t *testing.T) {
	store := mem.New()
	token, err := NewBook(store).Add(t.Context(), "Person A", Judge)
	require.NoError(t, err)
	content, _, err := storage.ReadAll(t.Context(), store, bookKey)
	require.NoError(t, err)
	_, secret, _ := strings.Cut(strings.TrimPrefix(token, tokenPrefix), "_")
	require.False(t, bytes.Contains(content, []byte(secret)))
	require.Len(t, secret, 43, "256 bits in base64")
}

func TestSigningOutEndsAllSessionsOfAReviewerAndOfNobodyElse(t *testing.T) {
	book := NewBook(mem.New())
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	book.now = func() time.Time { return now }
	a, b := Person{Name: "Person A", Since: now}, Person{Name: "Person B", Since: now}
	require.NoError(t, book.SignOut(t.Context(), "Person A"))
	require.ErrorContains(t, book.Holds(t.Context(), a), "Person A signed out")
	require.NoError(t, book.Holds(t.Context(), b))
	a.Since = now.Add(time.Second)
	require.NoError(t, book.Holds(t.Context(), a), "who has signed in again")

	now = now.Add(2 * sessionAge)
	require.NoError(t, book.SignOut(t.Context(), "Person B"))
	p, _, err := book.read(t.Context())
	require.NoError(t, err)
	require.Len(t, p.Out, 1, "what is older than any session is forgotten")
}

func TestTokensMadeAtOnceAreAllThere(t *testing.T) {
	store := mem.New()
	const many = 8
	var adding sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		adding.Go(func() { _, errs[i] = NewBook(store).Add(t.Context(), "Person A", Judge) })
	}
	adding.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	tokens, err := NewBook(store).Tokens(t.Context())
	require.NoError(t, err)
	require.Len(t, tokens, many)
}

func TestATokenWhoseAnswerIsLostIsThereOnceWhoeverComesBetween(t *testing.T) {
	store := mem.New()
	puts, gets := 0, 0
	shaky := faulty.New(store, func(op faulty.Op) faulty.Fault {
		switch op.Kind {
		case faulty.Put:
			if puts++; puts == 1 {
				return faulty.Fault{After: faulty.Unavailable()}
			}
		case faulty.Get:
			if gets++; gets == 2 { // the look for what became of it
				_, err := NewBook(store).Add(t.Context(), "Person B", Judge)
				require.NoError(t, err)
			}
		}
		return faulty.Fault{}
	})
	token, err := NewBook(shaky).Add(t.Context(), "Person A", Judge)
	require.NoError(t, err)
	_, err = NewBook(store).Enter(t.Context(), token)
	require.NoError(t, err)
	tokens, err := NewBook(store).Tokens(t.Context())
	require.NoError(t, err)
	require.Len(t, tokens, 2)
}

func TestATokenOfNobodyIsRefused(t *testing.T) {
	book := NewBook(mem.New())
	_, err := book.Add(t.Context(), " ", Judge)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	_, err = book.Add(t.Context(), "Person A", "boss")
	require.ErrorContains(t, err, `role "boss": expected judge or approver`)
}
