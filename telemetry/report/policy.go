package report

import (
	"fmt"
	"strings"

	"elara/telemetry/series"
)

// rewardAtKL draws which reward a policy got at which distance from its reference: one point for each iteration, joined in
// their order. A reward that goes on rising far from the reference is likely hacked (Gao et al. 2023, "Scaling laws for reward model
// overoptimization").
func rewardAtKL(curves []series.Curve) (chart, bool) {
	near, far, _, measured := bounds(distance(), curves)
	low, high, _, scored := bounds(reward(), curves)
	if !measured || !scored {
		return chart{}, false
	}
	c := chart{
		plot:     newPlot(),
		quantity: quantity{Title: "Reward at its KL", Unit: "mean score of the answers, a point for each iteration"},
		Across:   "KL from the reference, nats of an answer",
	}
	across, up := c.across(span(near, far, true)), c.up(span(low, high, false))
	var says []string
	for i, curve := range curves {
		var dots []dot
		for _, point := range curve.Points {
			kl, worth, both := judged(point)
			if !both {
				continue
			}
			dots = append(dots, dot{across.at(kl), up.at(worth),
				fmt.Sprintf("%s, step %s: reward %s at a KL of %s", curve.Run.Adapter, grouped(point.Step), number(worth), number(kl))})
		}
		if len(dots) == 0 {
			continue
		}
		l := through(curve.Run.Adapter, dots, len(dots))
		l.Stroke, l.Shown, l.Faint = i%strokeKinds, true, true
		c.Lines = append(c.Lines, l)
		says = append(says, dots[len(dots)-1].Says)
		c.warn(curve, l.Stroke, func(point series.Point) (x, y float64, found bool) {
			kl, worth, both := judged(point)
			return across.at(kl), up.at(worth), both
		})
	}
	c.Describes = fmt.Sprintf("%s. The last points: %s.", c.Title, strings.Join(says, "; "))
	c.spread()
	return c, true
}

// judged gives a point's place in rewardAtKL.
func judged(point series.Point) (kl, worth float64, both bool) {
	kl, measured := point.Get(distance().Key)
	worth, scored := point.Get(reward().Key)
	return kl, worth, measured && scored
}

// warning is what the guard of PPO called out after a rollout.
type warning struct {
	Stroke int
	X, Y   float64
	Stop   bool // it ended the run
	Says   string
}

// warn adds what the guard called out along a curve; place gives the pixels of a point, if it has any.
func (c *chart) warn(curve series.Curve, stroke int, place func(point series.Point) (x, y float64, found bool)) {
	for _, point := range curve.Points {
		alarms, stopped := alarmsOf(point)
		x, y, found := place(point)
		if len(alarms) == 0 || !found {
			continue
		}
		says := fmt.Sprintf("%s, step %s: alarm %s", curve.Run.Adapter, grouped(point.Step), strings.Join(alarms, ", "))
		if stopped {
			says += "; the guard ended the run here and put the last healthy policy back"
		}
		c.Warnings = append(c.Warnings, warning{stroke, x, y, stopped, says})
	}
}

// alarmsOf names the alarms of a point.
func alarmsOf(point series.Point) (alarms []string, stopped bool) {
	for _, v := range point.Values {
		if name, isAlarm := strings.CutPrefix(v.Key, series.Metric("alarm/")); isAlarm {
			alarms = append(alarms, name)
		}
	}
	_, stopped = point.Get(series.Metric("guard/stopped"))
	return alarms, stopped
}

// policyFigures adds what the card of a policy says in the place of a loss.
func policyFigures(curve series.Curve, add func(name, value, note string)) {
	if first, last, found := ends(curve, reward().Key); found {
		add("reward", number(last), "from "+number(first))
	}
	if _, last, found := ends(curve, distance().Key); found {
		add("KL", number(last), "nats of an answer")
	}
	alarming := int64(0)
	for _, point := range curve.Points {
		alarms, stopped := alarmsOf(point)
		if len(alarms) > 0 {
			alarming++
		}
		if stopped {
			add("guard", "stopped", "at step "+grouped(point.Step)+": "+strings.Join(alarms, ", "))
		}
	}
	if alarming > 0 {
		add("alarms", grouped(alarming), "steps")
	}
}
