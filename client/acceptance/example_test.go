package acceptance_test

import (
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/holiman/uint256"
)

// A shop hands over a coffee in milliseconds, up to 50 of one customer's before the chain
// has any of them, and a car only once the chain cannot take the payment back.
func ExamplePolicy_Decide() {
	const dollar = 1_000_000
	policy := acceptance.Policy{
		{UpTo: uint256.NewInt(20 * dollar), At: fastpay.StageCertified, PerPayer: uint256.NewInt(50 * dollar)},
		{At: fastpay.StageFinalized},
	}
	if err := policy.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	payment := func(dollars uint64) acceptance.Payment {
		return acceptance.Payment{
			Amount: *uint256.NewInt(dollars * dollar), Stage: fastpay.StageCertified,
			Proved: true, Complete: true, Margin: time.Hour,
		}
	}
	coffee := policy.Decide(payment(5), acceptance.Outstanding{})
	fmt.Println("coffee:", coffee.Accepted, "by", coffee.Reason)

	bold := policy.Decide(payment(5), acceptance.Outstanding{Payer: *uint256.NewInt(48 * dollar), Total: *uint256.NewInt(48 * dollar)})
	fmt.Println("one more:", bold.Accepted, "by", bold.Reason)

	car := policy.Decide(payment(30_000), acceptance.Outstanding{})
	fmt.Println("car:", car.Accepted, "before it is", car.At)
	// Output:
	// coffee: true by rule 1
	// one more: false by rule 1, but 53000000 units would be outstanding with it, above per_payer 50000000
	// car: false before it is FINALIZED
}
