package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Payment is what a scene needs of allegro.tx/v1.
type Payment struct {
	TxID            string   `json:"tx_id"`
	Parents         []string `json:"parents"`
	Stage           *string  `json:"stage"`
	FirstSeenMicros *string  `json:"first_seen_unix_micros"`
	CertifiedMicros *string  `json:"certified_unix_micros"`
	HeightAtQC      *string  `json:"height_at_qc"`
	LeadMicros      *string  `json:"lead_micros"`
	IncludedHeight  *string  `json:"included_height"`
	ChainTxHash     *string  `json:"chain_tx_hash"`
	Signers         []string `json:"signers"`
	Votes           []struct {
		Validator  string  `json:"validator"`
		SeenMicros *string `json:"seen_unix_micros"`
	} `json:"votes"`
}

// sceneWait bounds each step of a scene beside the blocks it waits for.
const sceneWait = 30 * time.Second

// File reads the network file.
func (n *Net) File() (*netfile.File, error) { return netfile.Load(n.NetworkPath()) }

// Play runs the scene of [testnet.Network.Play] with the commands that people use: it
// waits for the start of a block, lets each client pay the next one $10 as soon as that
// one holds the QC of the payment to itself, and waits for the chain. The files of the
// QCs are written into dir.
func (n *Net) Play(ctx context.Context, dir string, report func(testnet.Event)) (*testnet.Result, error) {
	clients := n.clients()
	if len(clients) < 2 {
		return nil, errors.New("testnet: a scene needs two clients")
	}
	file, err := n.File()
	if err != nil {
		return nil, err
	}
	rules, err := file.Rules()
	if err != nil {
		return nil, err
	}
	s := &scene{Net: n, clients: clients, last: clients[len(clients)-1], dir: dir, rules: rules, report: report, result: &testnet.Result{Verdict: testnet.Failed}}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	// What became of the payments is the result, whatever it is.
	if err := s.pay(ctx); err != nil {
		s.result.Reason = err.Error()
	} else if err := s.settle(ctx); err != nil {
		s.result.Reason = err.Error()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.result, s.finish(ctx)
}

// scene is one run of it.
type scene struct {
	*Net
	clients []string
	last    string // the last client
	dir     string
	rules   *fastpay.Rules
	report  func(testnet.Event)
	result  *testnet.Result
}

// start waits for a block edge at the last client.
func (s *scene) start(ctx context.Context) error {
	var self selfDocument
	if err := s.ask(ctx, s.last, &self, "wait", "--for", "block", "--timeout", (2*s.state.Spec.BlockTime + sceneWait).String()); err != nil {
		return fmt.Errorf("waiting for a block: %w", err)
	}
	if self.Running == nil || self.Running.Chain.Height == nil || self.Running.Chain.HeadSeen == nil {
		return errors.New("waiting for a block: the peer does not tell the height")
	}
	s.result.Edge, s.result.Start = number(self.Running.Chain.Height), moment(self.Running.Chain.HeadSeen)
	s.result.Blocks = []replica.BlockSeen{{Block: fastpay.Block{Number: s.result.Edge}, Seen: s.result.Start}}
	s.report(testnet.Event{Kind: testnet.EventEdge, At: s.result.Start, Height: s.result.Edge})
	return nil
}

// pay makes the payments, each as soon as its payer holds the QC of the one before.
func (s *scene) pay(ctx context.Context) error {
	for i := range len(s.clients) - 1 {
		hop := &testnet.Hop{Name: fmt.Sprintf("T%d", i+1), From: s.clients[i], To: s.clients[i+1], Amount: *uint256.NewInt(testnet.HopAmount)}
		s.result.Hops = append(s.result.Hops, hop)
		var doc Payment
		err := s.ask(ctx, hop.From, &doc, "pay", "--to", hop.To, "--amount", "10", "--note", hop.Name, "--wait", "accepted", "--timeout", sceneWait.String())
		if err != nil {
			return fmt.Errorf("%s: %w", hop.Name, err)
		}
		hop.ID, hop.Submitted = common.HexToHash(doc.TxID), moment(doc.FirstSeenMicros)
		for _, p := range doc.Parents {
			hop.Parents = append(hop.Parents, common.HexToHash(p))
		}
		err = s.look(ctx, hop, hop.To, fastpay.StageCertified)
		s.report(testnet.Event{Kind: testnet.EventAccepted, At: hop.Accepted, Hop: hop, Height: hop.HeightAtQC})
		if err != nil {
			return err
		}
		s.report(testnet.Event{Kind: testnet.EventCertified, At: hop.Certified, Hop: hop, Height: hop.HeightAtQC})
	}
	return s.verify(ctx)
}

// look waits for a stage at a client and copies what that client knows.
func (s *scene) look(ctx context.Context, hop *testnet.Hop, name string, want fastpay.Stage) error {
	var doc Payment
	timeout := sceneWait
	if want.Rank() >= fastpay.StageIncluded.Rank() {
		timeout = inclusionBlocks * s.state.Spec.BlockTime
	}
	err := s.ask(ctx, name, &doc, "tx", "show", hop.ID.Hex(), "--wait", string(want), "--timeout", timeout.String())
	if doc.Stage != nil {
		hop.Stage = fastpay.Stage(*doc.Stage)
	}
	for _, v := range doc.Votes {
		if at := moment(v.SeenMicros); hop.Accepted.IsZero() || at.Before(hop.Accepted) {
			hop.Accepted = at
		}
	}
	hop.Certified, hop.HeightAtQC, hop.Signers = moment(doc.CertifiedMicros), number(doc.HeightAtQC), doc.Signers
	if doc.LeadMicros != nil {
		lead, perr := strconv.ParseInt(*doc.LeadMicros, 10, 64)
		if perr != nil {
			return errors.Join(err, fmt.Errorf("lead of %s: %w", hop.Name, perr))
		}
		hop.NextBlock = hop.Certified.Add(time.Duration(lead) * time.Microsecond)
	}
	if hop.Stage.Rank() >= fastpay.StageIncluded.Rank() {
		hop.Included = number(doc.IncludedHeight)
		if doc.ChainTxHash != nil {
			hop.ChainTx = common.HexToHash(*doc.ChainTxHash)
		}
	}
	if err != nil {
		return fmt.Errorf("%s at %s: %w", hop.Name, name, err)
	}
	return nil
}

// inclusionBlocks is how many blocks certified payments get to be included.
const inclusionBlocks = 4

// verify lets every client but the payer get the QCs it holds and check them with
// nothing but the network file. The last client must hold all of them.
func (s *scene) verify(ctx context.Context) error {
	var checked []*fastpay.QC
	for _, hop := range s.result.Hops {
		if err := s.look(ctx, hop, s.last, fastpay.StageCertified); err != nil {
			return err
		}
		if err := s.look(ctx, hop, hop.To, fastpay.StageCertified); err != nil {
			return err
		}
		for _, name := range s.clients {
			if name == hop.From {
				continue
			}
			path := filepath.Join(s.dir, fmt.Sprintf("qc-%s-%s.json", hop.Name, name))
			if name == s.last {
				path = filepath.Join(s.dir, fmt.Sprintf("qc-%s.json", hop.Name))
			}
			_, err := s.Command(ctx, name, "qc", "get", hop.ID.Hex(), "--out", path)
			if err == nil {
				_, err = s.Command(ctx, name, "qc", "verify", path, "--network", filepath.Join(s.Net.dir, name, networkName))
			}
			if err == nil {
				hop.VerifiedBy = append(hop.VerifiedBy, name)
			}
			if name != s.last {
				continue
			}
			if err != nil {
				return fmt.Errorf("QC of %s at %s: %w", hop.Name, name, err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("QC of %s: %w", hop.Name, err)
			}
			qc, err := s.rules.ParseQCFile(data)
			if err != nil {
				return fmt.Errorf("QC of %s: %w", hop.Name, err)
			}
			checked = append(checked, qc)
		}
	}
	s.report(testnet.Event{Kind: testnet.EventVerified, At: time.Now(), Height: s.result.Edge, Checked: checked})
	return nil
}

// settle waits for the chain.
func (s *scene) settle(ctx context.Context) error {
	for i, hop := range s.result.Hops {
		if err := s.look(ctx, hop, hop.To, fastpay.StageIncluded); err != nil {
			return err
		}
		if i == 0 {
			s.result.Blocks = append(s.result.Blocks, replica.BlockSeen{Block: fastpay.Block{Number: hop.HeightAtQC + 1}, Seen: hop.NextBlock})
			s.report(testnet.Event{Kind: testnet.EventBlock, At: hop.NextBlock, Hop: hop, Height: hop.HeightAtQC + 1})
		}
		s.report(testnet.Event{Kind: testnet.EventIncluded, At: time.Now(), Hop: hop, Height: hop.Included})
	}
	return nil
}

// finish reads the balances at the chain's latest block and comes to the verdict.
func (s *scene) finish(ctx context.Context) error {
	chain, err := tempo.Dial(ctx, s.ChainURL(), tempo.Options{})
	if err != nil {
		return err
	}
	defer chain.Close()
	head, err := chain.Header(ctx, tempo.Latest)
	if err != nil {
		return fmt.Errorf("reading balances: %w", err)
	}
	c := s.rules.Committees()[0]
	for i, name := range s.clients {
		var self struct {
			Account string `json:"account"`
		}
		if err := s.ask(ctx, name, &self, "id"); err != nil {
			return err
		}
		owner := common.HexToAddress(self.Account)
		lane := fastpay.Lane{ChainID: s.rules.ChainID(), Asset: testnet.Asset, Sender: owner}
		account, err := chain.Account(ctx, head, testnet.Asset, owner, lane.NonceKey(c))
		if err != nil {
			return fmt.Errorf("reading the balance of %s: %w", name, err)
		}
		s.result.Balances = append(s.result.Balances, testnet.Balance{Name: name, Have: account.Balance, Want: testnet.ExpectedBalance(s.state.Spec.Clients, i)})
	}
	s.result.Judge()
	return nil
}

// number reads a decimal text; 0 if it is missing.
func number(text *string) uint64 {
	if text == nil {
		return 0
	}
	n, err := strconv.ParseUint(*text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// moment reads Unix microseconds; the zero time if they are missing.
func moment(micros *string) time.Time {
	n := number(micros)
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n))
}
