// Package report draws the curves of a run as one HTML page: a card for each adapter, a chart for each quantity with a
// line for each adapter, the configuration side by side, and all numbers as tables. It also draws an evaluation, the drift of a
// channel, and what a reward model is worth with its calibration.
//
// It promises a page that needs nothing but itself: no network, no script, no font; light or dark as the reader's
// system is; every line has its own colour, its own dashes and its name beside it, every point says its numbers when
// pointed at, and restarts are marked. A policy is shown by its reward at its KL, with the alarms of its guard. Equal curves give
// equal pages.
//
// It refuses to smooth: what is drawn is what was logged. A line of many points is thinned to those that carry its
// shape; the tables have all.
//
//	page, err := report.Page("demo-1", curves)
package report
