package doctor

import (
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

// KeyState is what of a home's keys can be used.
type KeyState struct {
	Role     p2p.Role
	Identity error // why the transport key cannot be used
	VoteKey  error // the same of a validator's vote key
	// Account is the one that the role needs; zero if the config names none.
	Account common.Address
	// NoPassword: the config names no file with the account's password. Password is why
	// that cannot be used, AccountKey why the account cannot be opened with it.
	NoPassword bool
	Password   error
	AccountKey error
}

func measureKeys(h *home.Home) KeyState {
	cfg := h.Config()
	s := KeyState{Role: cfg.Node.Role}
	_, s.Identity = h.Identity()
	switch s.Role {
	case p2p.RoleValidator:
		_, s.VoteKey = h.VoteKey()
		s.Account = common.Address(cfg.Validator.Sponsor)
	case p2p.RoleClient:
		s.Account = common.Address(cfg.Client.Account)
	}
	if s.Account == (common.Address{}) {
		return s
	}
	password, named, err := h.Password()
	switch {
	case err != nil:
		s.Password = err
	case !named:
		s.NoPassword = true
		_, s.AccountKey = h.AccountFile(s.Account)
	default:
		_, s.AccountKey = h.AccountKey(s.Account, password)
	}
	return s
}

// Keys judges a home's keys.
func Keys(s KeyState, flag string) []Finding {
	const check = "keys"
	var out []Finding
	if s.Identity != nil {
		out = append(out, bad(Red, check, "restore it from a copy, or make one with allegro key new --kind p2p"+flag, "%v", s.Identity))
	}
	if s.VoteKey != nil {
		out = append(out, bad(Red, check, "restore it from a copy; a new one votes from the next committee on", "%v", s.VoteKey))
	}
	setting := map[p2p.Role]string{p2p.RoleValidator: "validator.sponsor", p2p.RoleClient: "client.account"}[s.Role]
	switch {
	case setting == "": // an aggregator has no account
	case s.Account == (common.Address{}):
		out = append(out, bad(Red, check, "allegro account new --use"+flag, "%s in config.toml names no account", setting))
	case s.Password != nil:
		out = append(out, bad(Red, check, "put the password into the file, of mode 0600, that keystore.password_file names", "%v", s.Password))
	case s.AccountKey != nil:
		out = append(out, bad(Red, check, "restore the account's file in keystore/, or correct the password", "%v", s.AccountKey))
	case s.NoPassword:
		out = append(out, bad(Yellow, check, "let keystore.password_file name a file of mode 0600", "the password of account %s is asked for at the terminal: no service can start this peer", s.Account))
	}
	if len(out) == 0 {
		out = append(out, green(check, "the keys of a peer with the role %s can be used", s.Role))
	}
	return out
}
