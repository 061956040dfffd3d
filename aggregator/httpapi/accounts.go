package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// Account is what an account holds and may spend, in every asset of the network.
type Account struct {
	Schema   string           `json:"schema"`
	Account  string           `json:"account"`
	Balances []AccountBalance `json:"balances"`
}

// AccountSchema names the format of Account.
const AccountSchema = "allegro.account/v1"

// AccountBalance is a balance with the lane's next nonce on the chain.
type AccountBalance struct {
	document.Balance
	Nonce string `json:"nonce"`
}

func (s *Server) serveAccount(ctx context.Context, r *http.Request) (any, error) {
	owner, err := parseAddress("address", r.PathValue("address"))
	if err != nil {
		return nil, err
	}
	doc := Account{Schema: AccountSchema, Account: owner.Hex(), Balances: []AccountBalance{}}
	for _, asset := range s.cfg.File.Assets {
		funds, err := s.cfg.Relay.Funds(ctx, owner, common.Address(asset.Address))
		if err != nil {
			return nil, err
		}
		doc.Balances = append(doc.Balances, AccountBalance{
			Balance: document.BalanceOf(owner, &asset, &funds.Funds, funds.Block.Number),
			Nonce:   strconv.FormatUint(funds.Nonce, 10),
		})
	}
	return doc, nil
}
