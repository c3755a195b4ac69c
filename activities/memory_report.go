package activities

import (
	"fmt"
	"strings"

	"elara/spec"
	htmlreport "elara/telemetry/report"
)

// memoryOf is what an adapter has by heart; nil: nobody asked. How the answer was come by is no part of a report.
func memoryOf(score spec.AdapterScore) *spec.MemoryResult {
	if score.Memory == nil {
		return nil
	}
	answer := *score.Memory
	answer.Unchanged = ""
	return &answer
}

// remembered is what an adapter has by heart in words, a line for each part that was asked.
func remembered(m *spec.MemoryResult) []htmlreport.Remembered {
	if m == nil {
		return nil
	}
	var lines []htmlreport.Remembered
	for _, part := range m.Parts {
		switch part {
		case spec.PartCanaries:
			lines = append(lines, knownCanaries(m))
		case spec.PartVerbatim:
			v := m.Verbatim
			lines = append(lines, htmlreport.Remembered{
				What:    fmt.Sprintf("share of rows told word for word over %d tokens", m.Bounds.VerbatimTokens),
				Adapter: fmt.Sprintf("%d of %d, %s; longest run %d tokens", v.Told, v.Rows-v.TooShort, v.Share.Text(), v.Longest),
				Base:    "rows that it tells too are not counted", AtMost: fmt.Sprintf("%d rows", m.Bounds.VerbatimRows),
			})
		case spec.PartMembership:
			line := htmlreport.Remembered{
				What:    "AUC by which the loss tells training rows from held-out ones",
				Adapter: fmt.Sprintf("%s, %d rows against %d", m.Membership.AUC.Text(), m.Membership.TrainedRows, m.Membership.HeldOutRows),
				AtMost:  fmt.Sprintf("%g", m.Bounds.MembershipAUC),
			}
			if m.BaseMembership != nil {
				line.Base = m.BaseMembership.AUC.Text()
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func knownCanaries(m *spec.MemoryResult) htmlreport.Remembered {
	found, most, mostOfBase, planted := 0, 0.0, 0.0, 0
	for _, c := range m.Canaries {
		if c.IsFound {
			found++
		}
		planted += c.Planted
		most = max(most, c.Exposure)
		if c.BaseExposure != nil {
			mostOfBase = max(mostOfBase, *c.BaseExposure)
		}
	}
	return htmlreport.Remembered{
		What:    fmt.Sprintf("share of %d canaries, planted %d times in all, that are found", len(m.Canaries), planted),
		Adapter: fmt.Sprintf("%d, %s; largest exposure %.2f bits", found, m.Found.Text(), most),
		Base:    fmt.Sprintf("largest exposure %.2f bits", mostOfBase),
		AtMost:  fmt.Sprintf("%d canaries", m.Bounds.CanariesFound),
	}
}

// memoryTable is Markdown.
func memoryTable(m *spec.MemoryResult) string {
	if m == nil {
		return "Nobody asked (`evaluate.memory`).\n"
	}
	var b strings.Builder
	b.WriteString("| of the training rows | adapter | base | at most |\n|---|---|---|---|\n")
	for _, line := range remembered(m) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", line.What, line.Adapter, line.Base, line.AtMost)
	}
	return b.String()
}
