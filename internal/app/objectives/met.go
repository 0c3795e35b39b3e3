package objectives

import (
	"math/big"
	"strconv"
)

// met compares without rounding: 999 of 1,000 are 99.9%, which no binary fraction is.
func (o Objective) met(c count) bool {
	good := c.events - c.bad
	switch o.Indicator {
	case Latency: // the limit is in the count; the quantile is how many have to keep it
		return share(good, c.events).Cmp(decimal(o.Quantile)) >= 0
	case ErrorRate:
		return o.Limit.holds(percent(c.bad, c.events))
	}
	return o.Limit.holds(percent(good, c.events))
}

func (l Limit) holds(value *big.Rat) bool {
	order := value.Cmp(decimal(l.Value))
	switch l.Operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0 // New has refused all others
}

func share(part, whole uint64) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(part), new(big.Int).SetUint64(whole))
}

func percent(part, whole uint64) *big.Rat {
	return new(big.Rat).Mul(share(part, whole), big.NewRat(100, 1))
}

// decimal gives the number that people wrote, and not the binary one closest to it.
func decimal(value float64) *big.Rat {
	exact, _ := new(big.Rat).SetString(strconv.FormatFloat(value, 'g', -1, 64)) // a float's text is a number
	return exact
}
