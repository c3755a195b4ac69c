package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// medicalText is prose of about n bytes out of sentences whose words vary, so that the cache meets new ones.
func medicalText(n int) string {
	drugs := []string{"amoxicillin", "ibuprofen", "metformin", "lisinopril", "warfarin", "paracetamol", "salbutamol"}
	complaints := []string{"chest pain", "shortness of breath", "a persistent cough", "fever", "nausea", "blurred vision"}
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "Patient %d reports %s for %d days; temperature %d.%d °C, pulse %d/min. Take %d mg of %s every %d hours, and don't exceed %d mg a day.\n",
			i*7919%99991, complaints[i%len(complaints)], 1+i%13, 36+i%4, i%10, 60+i%70, 50*(1+i%20), drugs[i%len(drugs)], 4+i%9, 1000+i%3000)
	}
	return b.String()
}

// benchmarkEncode reports MB per CPU-second beside Go's MB/s: other work on the machine slows the clock, not the
// processor.
func benchmarkEncode(b *testing.B, tokenizer *Tokenizer, text string) {
	b.SetBytes(int64(len(text)))
	ids := tokenizer.Encode(text)
	b.ReportAllocs()
	n, begin := 0, cpuTime(b)
	for b.Loop() {
		ids = tokenizer.AppendEncode(ids[:0], text)
		n += len(text)
	}
	b.ReportMetric(float64(n)/1e6/(cpuTime(b)-begin).Seconds(), "MB/cpu-s")
}

// cpuTime is what this process has used of all cores.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkMedicalText(b *testing.B) {
	text := medicalText(1 << 20)
	for _, name := range realVocabularies() {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, loadReal(b, name), text) })
	}
}

// BenchmarkManyGoroutines is one tokenizer that as many goroutines use as there are cores (-cpu 1,2 …): MB/cpu-s stays
// where they do not disturb each other.
func BenchmarkManyGoroutines(b *testing.B) {
	tokenizer, text := loadReal(b, "llama3"), medicalText(1<<18)
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	begin := cpuTime(b)
	b.RunParallel(func(rounds *testing.PB) {
		var ids []int32
		for rounds.Next() {
			ids = tokenizer.AppendEncode(ids[:0], text)
		}
	})
	b.ReportMetric(float64(b.N)*float64(len(text))/1e6/(cpuTime(b)-begin).Seconds(), "MB/cpu-s")
}

// BenchmarkOneLongWord shows that time grows with the length and not with its square: bytes per second stay.
func BenchmarkOneLongWord(b *testing.B) {
	for _, name := range []string{"gpt2", "llama3"} {
		for _, n := range []int{1 << 14, 1 << 17, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchmarkEncode(b, loadReal(b, name), strings.Repeat("a", n)) })
		}
	}
}

// BenchmarkRandomWord is 1 MB without a border, in which nothing repeats.
func BenchmarkRandomWord(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, alphabet := range []string{"ACGT", "0123456789", "abcdefghijklmnopqrstuvwxyz"} {
		text := make([]byte, 1<<20)
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		for _, name := range []string{"gpt2", "llama3"} {
			for _, n := range []int{1 << 16, 1 << 20} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, alphabet[:4], n), func(b *testing.B) { benchmarkEncode(b, loadReal(b, name), string(text[:n])) })
			}
		}
	}
}

// BenchmarkHardText is 256 KiB each of what has made tokenizers quadratic or slow.
func BenchmarkHardText(b *testing.B) {
	for name, unit := range map[string]string{"zero-width": "\u200b", "emoji": "👨‍👩‍👧‍👦", "marks": "\u0316\u0301", "spaces": " ", "special": "<|im_", "han": "漢字", "accents": "e\u0301"} {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, loadReal(b, "qwen3"), strings.Repeat(unit, 1<<18/len(unit))) })
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, name := range realVocabularies() {
		path := vocabularyPath(b, name)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Load(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
