package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
	"elara/telemetry/report"
)

// driftCourse is how many characters the course of a metric takes at most.
const driftCourse = 24

func newReleaseDrift(a *app) *cobra.Command {
	var (
		audience, page string
		asJSON         bool
	)
	command := &cobra.Command{
		Use:   "drift CHANNEL",
		Short: "Show how well what a channel serves does on ever newer held-out rows",
		Long: `Every run measures what its channel serves on the rows that it holds out anew, and keeps
the figures with their 95 % intervals. Shown is their course, and what does significantly
worse than when the same adapter was first measured.`,
		Example: `  elara release drift stable
  elara release drift stable --audience patient --html drift.html
  elara release drift stable --json | jq '.[].points[-1].falls'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if audience != "" {
				if err := spec.Audience(audience).Check(); err != nil {
					return fmt.Errorf("--audience: %w", err)
				}
			}
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				drifts, err := artifact.Drifts(ctx, store, args[0])
				if err != nil {
					return noneSuch(err)
				}
				if audience != "" {
					drifts = slices.DeleteFunc(drifts, func(d spec.Drift) bool { return d.Audience != spec.Audience(audience) })
					if len(drifts) == 0 {
						return refuse(fault.NotFound, "", "nothing was measured for the audience %s on channel %s", audience, args[0])
					}
				}
				if page != "" {
					if err := writeDrift(page, args[0], drifts); err != nil {
						return err
					}
					a.say("drawn in %s", page)
				}
				if asJSON {
					return a.printJSON(drifts)
				}
				_, err = fmt.Fprint(a.out, driftText(drifts))
				return err
			})
		},
	}
	command.Flags().StringVar(&audience, "audience", "", "only the adapters for this audience")
	command.Flags().StringVar(&page, "html", "", "draw it over time, with intervals, in this file")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func writeDrift(path, channel string, drifts []spec.Drift) error {
	page, err := report.DriftPage(channel, drifts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, page, 0o644); err != nil {
		return fault.New(fault.Invalid, "--html: %w", err)
	}
	return nil
}

// driftText is a table for each adapter: the course of each metric, where the adapter that is served began, and where it is.
func driftText(drifts []spec.Drift) string {
	var b strings.Builder
	for _, drift := range drifts {
		last := drift.Points[len(drift.Points)-1]
		fmt.Fprintf(&b, "%s for the audience %s: %d measurements, the last %s UTC on %d rows, of adapter %s\n\n",
			drift.Name, drift.Audience, len(drift.Points), terminal.Moment(last.At), last.Rows, last.Adapter.Short())
		first := drift.Points[slices.IndexFunc(drift.Points, func(p spec.DriftPoint) bool { return p.Adapter == last.Adapter })]
		table := terminal.Table{Header: []string{"metric", "course", "this adapter at first", "now"}}
		for _, now := range last.Figures {
			began := ""
			if then, found := figureOf(first, now.Metric); found {
				began = then.Text()
			}
			table.Rows = append(table.Rows, []string{string(now.Metric), courseOf(drift.Points, now.Metric), began, now.Text()})
		}
		b.WriteString(table.String())
		for _, fall := range last.Falls {
			fmt.Fprintf(&b, "Significant fall: %s\n", fall.Text())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func courseOf(points []spec.DriftPoint, metric spec.Metric) string {
	var values []float64
	for _, point := range points {
		if figure, found := figureOf(point, metric); found {
			values = append(values, figure.Value)
		}
	}
	return terminal.Spark(values, driftCourse)
}

func figureOf(point spec.DriftPoint, metric spec.Metric) (spec.DriftFigure, bool) {
	for _, figure := range point.Figures {
		if figure.Metric == metric {
			return figure, true
		}
	}
	return spec.DriftFigure{}, false
}
