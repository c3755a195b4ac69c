package tokenizer

import (
	"fmt"
	"strings"
	"testing"
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

func benchmarkEncode(b *testing.B, tokenizer *Tokenizer, text string) {
	b.SetBytes(int64(len(text)))
	ids := tokenizer.Encode(text)
	b.ReportAllocs()
	for b.Loop() {
		ids = tokenizer.AppendEncode(ids[:0], text)
	}
}

func BenchmarkMedicalText(b *testing.B) {
	text := medicalText(1 << 20)
	for _, name := range realVocabularies() {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, loadReal(b, name), text) })
	}
}

// BenchmarkOneLongWord shows that time grows with the length and not with its square: bytes per second stay.
func BenchmarkOneLongWord(b *testing.B) {
	for _, name := range []string{"gpt2", "llama3"} {
		for _, n := range []int{1 << 14, 1 << 17, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchmarkEncode(b, loadReal(b, name), strings.Repeat("a", n)) })
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
