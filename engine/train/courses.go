package train

import (
	"math"

	"elara/spec"
)

// rising goes up from zero in equal steps, and then follows the course.
func rising(warmup float64, course factor) factor {
	return func(done float64) float64 {
		if done < warmup {
			return done / max(1, warmup)
		}
		return course(done)
	}
}

// cosine falls from 1 to the lowest share in so many waves: half a wave goes down once.
func cosine(warmup, total, cycles, lowest float64) factor {
	return func(done float64) float64 {
		progress := (done - warmup) / max(1, total-warmup)
		wave := 0.5 * (1 + math.Cos(math.Pi*cycles*2*progress))
		return max(0, wave*(1-lowest)+lowest)
	}
}

// restarting falls from 1 to 0 along a cosine, so many times over.
func restarting(warmup, total, cycles float64) factor {
	return func(done float64) float64 {
		progress := (done - warmup) / max(1, total-warmup)
		return max(0, 0.5*(1+math.Cos(math.Pi*math.Mod(cycles*progress, 1))))
	}
}

// cosineFromMinimum is a cosine whose warm-up does not begin at zero and which reaches its lowest share at the last step,
// not after it.
func cosineFromMinimum(warmup, total float64, k spec.LRKwargs, lowest float64) factor {
	cycles := or(k.NumCycles, 0.5)
	return func(done float64) float64 {
		switch {
		case done < warmup && k.WarmupLRRate == nil:
			return (done + 1) / max(1, warmup)
		case done < warmup:
			return *k.WarmupLRRate + (1-*k.WarmupLRRate)*done/max(1, warmup-1)
		}
		progress := (done - warmup + 1) / max(1, total-warmup)
		wave := 0.5 * (1 + math.Cos(math.Pi*cycles*2*progress))
		return max(0, wave*(1-lowest)+lowest)
	}
}

// polynomial falls from the rate to the end.
func polynomial(warmup, total, rate, end, power float64) factor {
	return func(done float64) float64 {
		remaining := 1 - (done-warmup)/(total-warmup)
		return ((rate-end)*math.Pow(remaining, power) + end) / rate
	}
}

// inverseSqrt falls as the root of the steps. Its time scale is the warm-up unless it is given.
func inverseSqrt(warmup float64, timescale *int64) factor {
	scale := warmup
	if timescale != nil {
		scale = float64(*timescale)
	} else if warmup == 0 {
		scale = 10_000
	}
	return func(done float64) float64 { return 1 / math.Sqrt((done+scale-warmup)/scale) }
}

// warmupStableDecay rises, stays, falls, and stays at its lowest share.
func warmupStableDecay(warmup, total float64, k spec.LRKwargs) factor {
	decay, lowest := float64(*k.NumDecaySteps), or(k.MinLRRatio, 0)
	stable := total - warmup - decay
	if k.NumStableSteps != nil {
		stable = float64(*k.NumStableSteps)
	}
	between := func(share float64) float64 { return max(0, share*(1-lowest)+lowest) }
	return func(done float64) float64 {
		switch {
		case done < warmup:
			return between(rise(k.WarmupType, done/max(1, warmup)))
		case done < warmup+stable:
			return 1
		case done < warmup+stable+decay:
			return between(fall(k.DecayType, (done-warmup-stable)/max(1, decay), or(k.NumCycles, 0.5)))
		}
		return lowest
	}
}

// rise goes from 0 to 1 in the shape; the default is a line.
func rise(shape string, progress float64) float64 {
	switch shape {
	case spec.ShapeCosine:
		return 0.5 * (1 - math.Cos(math.Pi*progress))
	case spec.ShapeSquareRoot:
		return 1 - math.Sqrt(1-progress)
	}
	return progress
}

// fall goes from 1 to 0 in the shape; the default is a cosine.
func fall(shape string, progress, cycles float64) float64 {
	switch shape {
	case spec.ShapeLinear:
		return 1 - progress
	case spec.ShapeSquareRoot:
		return 1 - math.Sqrt(progress)
	}
	return 0.5 * (1 + math.Cos(math.Pi*cycles*2*progress))
}
