package main

import "fmt"

// verdict judges a vital.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictBad  verdict = "bad"
)

// quantity is which number of a reading is judged.
type quantity string

const (
	ofValue  quantity = "value"
	ofRate   quantity = "rate"
	ofMedian quantity = "p50"
	ofTail   quantity = "tail" // p99, or p1 where little is bad
)

// condition holds for a reading one of whose numbers is beyond a bound.
type condition struct {
	of    quantity
	below bool
	bound float64
}

func above(of quantity, bound float64) *condition { return &condition{of: of, bound: bound} }
func below(of quantity, bound float64) *condition {
	return &condition{of: of, below: true, bound: bound}
}

// holds reports whether a reading meets the condition. A number that is not known meets
// none, but for a quantile that is known to be above all buckets.
func (c *condition) holds(r *reading) bool {
	if c == nil {
		return false
	}
	v := r.quantity(c.of)
	switch {
	case v == nil:
		return !c.below && r.exceeds(c.of, c.bound)
	case c.below:
		return *v < c.bound
	default:
		return *v > c.bound
	}
}

// canTell reports whether a reading has the number that the condition is about.
func (c *condition) canTell(r *reading) bool {
	return c != nil && (r.quantity(c.of) != nil || r.highest != nil)
}

// judge returns a reading's verdict; empty if the vital has no threshold, or nothing has
// been observed.
func (v *vital) judge(r *reading) verdict {
	switch {
	case v.bad.holds(r):
		return verdictBad
	case v.warn.holds(r):
		return verdictWarn
	case v.bad.canTell(r) || v.warn.canTell(r):
		return verdictOK
	}
	return ""
}

// threshold says when a vital is not ok; empty if it always is.
func (v *vital) threshold() string {
	text := ""
	for _, c := range []struct {
		verdict verdict
		*condition
	}{{verdictWarn, v.warn}, {verdictBad, v.bad}} {
		if c.condition == nil {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", c.verdict, v.conditionText(c.condition))
	}
	return text
}

// conditionText writes a condition for people.
func (v *vital) conditionText(c *condition) string {
	op := ">"
	if c.below {
		op = "<"
	}
	bound := v.unit.text(&c.bound)
	switch c.of {
	case ofValue:
		return op + " " + bound
	case ofRate:
		return op + " " + bound + "/s"
	case ofMedian:
		return "p50 " + op + " " + bound
	default:
		return v.of.tail() + " " + op + " " + bound
	}
}
