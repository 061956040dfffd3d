package tempo

import (
	"time"

	"github.com/ipfs/go-log/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// logger exists before a program sets levels: a level reaches only loggers that are there.
var logger = log.Logger("allegro/tempo")

// Defaults of [Options]; each reason stands at its field.
const (
	defaultRequestTimeout = 5 * time.Second
	defaultSwitchAfter    = 3 * time.Second
	defaultLogRange       = 10_000
	defaultOutcomeCache   = 16_384
)

// Options configures a [Chain]. The zero value of each field, and a negative
// one where it makes no sense, means its default.
type Options struct {
	// RequestTimeout bounds one exchange with the node, a batch counting as
	// one. The default of 5 s is a hundred times what a node near by needs and
	// still shorter than ten blocks, so that a node that hangs is noticed
	// before what is known about the chain has become useless.
	RequestTimeout time.Duration

	// Backups are URLs of further nodes of the same chain, as [Dial] takes them. They
	// are used in their order, and from the last one on the own node again, when the
	// node in use gives no answer; a running [Follower] goes back to the own node once
	// that answers and has the newest blocks. All of them are trusted alike: another
	// hash for a final block, by whichever node, is [ErrFinalityViolated]. A node with
	// another chain id or genesis block than the one that answered first is not used.
	Backups []string

	// SwitchAfter is how long the node in use may give no answer before the next of
	// Backups is used. The default of 3 s is several failed looks in a row: a node
	// that is down is a reason, a connection that was reset is none.
	SwitchAfter time.Duration

	// LogRange is the largest number of blocks that one eth_getLogs covers.
	// Nodes refuse more than a limit of their own, commonly 10,000 or more;
	// a range that the node refuses is halved until it accepts.
	LogRange uint64

	// FirstBlock is the oldest block that a search for a lane's last outcome
	// looks at. Name the block in which the network began, so that a lane that
	// does not exist costs no walk to the genesis block. Default 0.
	FirstBlock uint64

	// OutcomeCache is the number of outcomes that are remembered, one lane
	// needing one. The default of 16,384 takes about 8 MB.
	OutcomeCache int

	// Now is the clock that dates heads. It must be monotonic as time.Now is,
	// which is the default.
	Now func() time.Time

	// Registerer receives the metrics; nil keeps them private. One registerer
	// takes one Chain: wrap it with a label where a process runs several.
	Registerer prometheus.Registerer

	// Logger is the logger "allegro/tempo" by default.
	Logger *zap.SugaredLogger
}

// withDefaults returns o with every unset field filled in.
func (o Options) withDefaults() Options {
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = defaultRequestTimeout
	}
	if o.SwitchAfter <= 0 {
		o.SwitchAfter = defaultSwitchAfter
	}
	if o.LogRange == 0 {
		o.LogRange = defaultLogRange
	}
	if o.OutcomeCache <= 0 {
		o.OutcomeCache = defaultOutcomeCache
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = &logger.SugaredLogger
	}
	return o
}
