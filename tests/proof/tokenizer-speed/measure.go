package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"

	"elara/data/tokenizer"
	"elara/tests/ground"
)

// encoding is one encoding of one list of texts.
type encoding struct {
	cpu    time.Duration
	digest string // of all ids
}

// medical measures one vocabulary over medical text, in turns with Python. The first part warms both up.
func (f *figures) medical(name string, tok *tokenizer.Tokenizer, python *peer, parts []part) error {
	var ours, theirs, ratios []float64
	for i, p := range parts {
		mine, err := encode(tok, p.texts)
		if err != nil {
			return err
		}
		other, err := python.encode(name, p.name)
		if err != nil {
			return err
		}
		f.compare(name, p.name, mine, other)
		if i == 0 {
			continue
		}
		ours, theirs = append(ours, rate(p, mine)), append(theirs, rate(p, other))
		ratios = append(ratios, other.cpu.Seconds()/mine.cpu.Seconds())
	}
	fmt.Printf("%-8s medical text        %6.1f MB/s (%.1f to %.1f)  Python %5.2f MB/s  %5.1f x\n", name, ground.Median(ours), slices.Min(ours), slices.Max(ours), ground.Median(theirs), ground.Median(ratios))
	f.rate, f.ratio = min(f.rate, ground.Median(ours)), min(f.ratio, ground.Median(ratios))
	return nil
}

// hard measures one vocabulary over the hard texts: 64 kB sixteen times and 1 MB once, in turns.
func (f *figures) hard(name string, tok *tokenizer.Tokenizer, python *peer, texts []hardText) error {
	for _, text := range texts {
		var short, long []float64
		for range rounds {
			few, err := encode(tok, text.short().texts)
			if err != nil {
				return err
			}
			many, err := encode(tok, text.long().texts)
			if err != nil {
				return err
			}
			short, long = append(short, rate(text.short(), few)), append(long, rate(text.long(), many))
		}
		mine, err := encode(tok, text.long().texts)
		if err != nil {
			return err
		}
		other, err := python.encode(name, text.name)
		if err != nil {
			return err
		}
		f.compare(name, text.name, mine, other)
		growth := ground.Median(short) / ground.Median(long)
		fmt.Printf("%-8s 1 MB of %-11s %5.1f MB/s, of 64 kB %5.1f MB/s: %.2f x the time  Python %5.2f MB/s\n", name, text.name, ground.Median(long), ground.Median(short), growth, rate(text.long(), other))
		f.hardRate, f.growth = min(f.hardRate, ground.Median(long)), max(f.growth, growth)
	}
	return nil
}

func (f *figures) compare(vocabulary, text string, mine, other encoding) {
	if mine.digest != other.digest {
		f.differences = append(f.differences, vocabulary+" on "+text)
	}
}

func rate(p part, s encoding) float64 { return float64(p.size()) / 1e6 / s.cpu.Seconds() }

// encode measures all texts. Garbage from before is collected first; what the texts leave counts.
func encode(tok *tokenizer.Tokenizer, texts []string) (encoding, error) {
	runtime.GC()
	begin, err := cpuTime()
	if err != nil {
		return encoding{}, err
	}
	all := make([][]int32, len(texts))
	for i, text := range texts {
		all[i] = tok.Encode(text)
	}
	end, err := cpuTime()
	if err != nil {
		return encoding{}, err
	}
	h := sha256.New()
	for _, ids := range all {
		bytes := binary.LittleEndian.AppendUint32(nil, uint32(len(ids)))
		for _, id := range ids {
			bytes = binary.LittleEndian.AppendUint32(bytes, uint32(id))
		}
		h.Write(bytes) // a hash never fails
	}
	return encoding{cpu: end - begin, digest: hex.EncodeToString(h.Sum(nil))}, nil
}

// cpuTime is what this process has used of all cores.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
