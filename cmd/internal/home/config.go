package home

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
	"github.com/pelletier/go-toml/v2"
)

// Config is what is a peer's own, as config.toml has it. What peers share stands in
// network.toml. Each key can also be set by the environment, which wins over the file
// (see [EnvName]), and some by a flag, which wins over both. Only the rules under
// [[accept]] stand in the file alone.
type Config struct {
	Node       Node       `toml:"node" comment:"This peer."`
	P2P        P2P        `toml:"p2p" comment:"Its place in the peer-to-peer network. Addresses are multiaddrs."`
	Chain      Chain      `toml:"chain" comment:"The peer's own chain node. Do not use one that you do not trust: it says what is final."`
	Validator  Validator  `toml:"validator" comment:"For role validator."`
	Client     Client     `toml:"client" comment:"For role client."`
	Accept     []Accept   `toml:"accept" comment:"For role client: when a payment to its account is accepted. The first rule that fits decides; a payment that none fits waits for included."`
	Delivery   Delivery   `toml:"delivery" comment:"For role client: who is told of accepted payments. At most one of webhook and command."`
	Aggregator Aggregator `toml:"aggregator" comment:"For role aggregator."`
	Keystore   Keystore   `toml:"keystore" comment:"The accounts in keystore/."`
	Metrics    Metrics    `toml:"metrics" comment:"Prometheus metrics over HTTP."`
	Log        Log        `toml:"log" comment:"Logs, on standard error and in a file."`
}

// Node names the peer.
type Node struct {
	Name string   `toml:"name" comment:"Name of this peer, for people: up to 64 bytes without spaces and slashes."`
	Role p2p.Role `toml:"role" comment:"What this peer is: validator, client or aggregator."`
}

// P2P is the peer's place in the network.
type P2P struct {
	Listen   []string `toml:"listen" comment:"Where to listen; empty: this peer only dials. Port 0 lets the system choose."`
	Announce []string `toml:"announce" comment:"Addresses to tell others instead of the ones listened on, for a peer behind a router."`
	Browser  bool     `toml:"browser" comment:"Whether browsers can connect: by WebSocket on the ports of tcp addresses, by WebRTC on those of quic-v1 addresses."`
	Peers    []string `toml:"peers" comment:"Peers to keep connected beside the validators of network.toml, each with /p2p/ and its id."`
	Public   bool     `toml:"public" comment:"Whether strangers can reach this peer: it is then stricter with many peers behind one address."`
}

// Chain is the peer's own node, and what takes its place.
type Chain struct {
	RPC     string   `toml:"rpc" comment:"URL of its JSON-RPC: http, https, ws or wss."`
	Backups []string `toml:"backups" comment:"URLs of further nodes of the same chain, trusted like the own one: used in this order while that gives no answer."`
}

// Validator is what only a validator needs.
type Validator struct {
	Sponsor netfile.Address `toml:"sponsor" comment:"Account in keystore/ that pays the fees of what this validator puts on the chain; zeros: none."`
}

// Client is what only a client needs.
type Client struct {
	Account netfile.Address `toml:"account" comment:"Account in keystore/ that pays and is paid; zeros: none."`
}

// Delivery says how a client tells of its orders.
type Delivery struct {
	Webhook    string   `toml:"webhook" comment:"URL that messages are posted to: https, or http to this machine; empty: none."`
	SecretFile string   `toml:"secret_file" comment:"File with the secret that messages to the webhook are signed with, whsec_ and base64, relative to this directory."`
	Command    []string `toml:"command" comment:"Program and arguments that are run for each message, which is on the standard input; empty: none."`
}

// Aggregator is what only an aggregator needs.
type Aggregator struct {
	Listen        string   `toml:"listen" comment:"HOST:PORT of its page and its HTTP API; empty: not served. Port 0 lets the system choose."`
	Hosts         []string `toml:"hosts" comment:"Names under which it may be asked, beside those of this machine itself: a page of another site must not reach it under a name of its own."`
	CORS          []string `toml:"cors" comment:"Other sites whose pages may use the API, like https://wallet.example."`
	RetentionTime Duration `toml:"retention_time" comment:"How long a payment is kept once it is final, in hours, minutes and seconds like 720h or 1h30m."`
	RetentionSize Size     `toml:"retention_size" comment:"How much all payments may take, in bytes like 500MB or 10GB; the final ones go first, the oldest of them first. The database takes a few times as much."`
}

// Keystore says how accounts are unlocked.
type Keystore struct {
	PasswordFile string `toml:"password_file" comment:"File with the accounts' password, relative to this directory; empty: it is asked for at the terminal."`
}

// Metrics says where /metrics is served.
type Metrics struct {
	Listen string `toml:"listen" comment:"HOST:PORT; empty: not served. Port 0 lets the system choose."`
}

// Log says what is logged.
type Log struct {
	Level  string `toml:"level" comment:"debug, info, warn or error; single parts like \"info,p2p=debug\"."`
	Format string `toml:"format" comment:"auto, text or json. auto: text at a terminal, else json."`
	File   string `toml:"file" comment:"File that gets the logs too, as JSON, relative to this directory; empty: none. At 64 MB it is put aside; the last three of those are kept."`
}

// Log formats.
const (
	LogAuto = "auto"
	LogText = "text"
	LogJSON = "json"
)

// DefaultConfig returns the config of a role before anybody set anything.
func DefaultConfig(role p2p.Role) Config {
	c := Config{
		Node:     Node{Name: string(role), Role: role},
		P2P:      P2P{Listen: []string{}, Announce: []string{}, Peers: []string{}},
		Chain:    Chain{RPC: "http://127.0.0.1:8545", Backups: []string{}},
		Delivery: Delivery{SecretFile: secretFile, Command: []string{}},
		Aggregator: Aggregator{
			Hosts: []string{}, CORS: []string{}, RetentionTime: Duration(30 * 24 * time.Hour), RetentionSize: 10_000_000_000,
		},
		Keystore: Keystore{PasswordFile: passwordFile},
		Metrics:  Metrics{Listen: "127.0.0.1:0"},
		Log:      Log{Level: "info", Format: LogAuto},
	}
	if role != p2p.RoleClient {
		c.P2P.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	}
	if role == p2p.RoleAggregator {
		c.Aggregator.Listen = "127.0.0.1:8080"
	}
	return c
}

// secretFile is where a webhook's secret is looked for.
const secretFile = "keys/webhook"

// passwordFile is where init puts a keystore's password.
const passwordFile = "keys/password"

// Validate reports the first fault of c, with its key and the remedy.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.Node.check, c.P2P.check, c.Chain.check, c.checkAccept, c.Delivery.check, c.Aggregator.check, c.Metrics.check, c.Log.check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// fault is what is wrong with the value of one key. Its text starts with the key.
type fault struct {
	key string
	err error
}

func (f *fault) Error() string { return f.key + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// faulty makes a fault of a text that goes on behind the key.
func faulty(key, format string, args ...any) error {
	return &fault{key, fmt.Errorf(format, args...)}
}

// maxName bounds a peer's name in bytes, as the network file bounds a member's.
const maxName = 64

func (n Node) check() error {
	// Whatever a terminal, a path or a table could choke on.
	unfit := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '/' || r == '\\' }
	if n.Name == "" || len(n.Name) > maxName || !utf8.ValidString(n.Name) || strings.ContainsFunc(n.Name, unfit) {
		return faulty("node.name", " is %q: want 1 to %d bytes without spaces, slashes and invisible characters", n.Name, maxName)
	}
	switch n.Role {
	case p2p.RoleValidator, p2p.RoleClient, p2p.RoleAggregator:
		return nil
	}
	return faulty("node.role", " is %q: want validator, client or aggregator", n.Role)
}

func (c P2P) check() error {
	for _, a := range c.Listen {
		if _, err := p2p.ParseListen(a); err != nil {
			return faulty("p2p.listen", ": %w", err)
		}
	}
	for _, a := range c.Announce {
		if _, err := p2p.ParseAnnounce(a); err != nil {
			return faulty("p2p.announce", ": %w", err)
		}
	}
	for _, a := range c.Peers {
		if _, err := p2p.ParsePeer(a); err != nil {
			return faulty("p2p.peers", ": %w", err)
		}
	}
	return nil
}

func (c Chain) check() error {
	if err := checkNode("chain.rpc", c.RPC); err != nil {
		return err
	}
	if len(c.Backups) > maxBackups {
		return faulty("chain.backups", " has %d URLs: at most %d are possible", len(c.Backups), maxBackups)
	}
	for _, backup := range c.Backups {
		if err := checkNode("chain.backups", backup); err != nil {
			return err
		}
	}
	return nil
}

// maxBackups bounds the nodes that are tried one after another: with more, the next
// one that answers would be found too late.
const maxBackups = 8

// checkNode checks the URL of a node, which may hold an access token and is not repeated.
func checkNode(key, rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return faulty(key, " is no URL of a node: want one like http://127.0.0.1:8545")
	}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
		return nil
	}
	return faulty(key, " has the scheme %q: want http, https, ws or wss", u.Scheme)
}

func (d Delivery) check() error {
	switch {
	case d.Webhook != "" && len(d.Command) > 0:
		return faulty("delivery.command", " and delivery.webhook are both set: each message is told once, set one of them")
	case d.Webhook != "" && d.SecretFile == "":
		return faulty("delivery.secret_file", " is empty: a webhook's messages are signed, name the file with the secret")
	}
	return nil
}

func (a Aggregator) check() error {
	if err := checkListen("aggregator.listen", a.Listen); err != nil {
		return err
	}
	for _, h := range a.Hosts {
		if u, err := url.Parse("http://" + h); err != nil || u.Host != h || u.Port() != "" || u.Hostname() == "" {
			return faulty("aggregator.hosts", ": %q is no name of a host: want one like board.example, without a port", h)
		}
	}
	for _, origin := range a.CORS {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || origin != u.Scheme+"://"+u.Host || strings.Contains(origin, "*") {
			return faulty("aggregator.cors", ": %q is no site: want one like https://wallet.example, with neither a path nor *", origin)
		}
	}
	switch {
	case a.RetentionTime <= 0:
		return faulty("aggregator.retention_time", " is %s: want more than none", a.RetentionTime)
	case a.RetentionSize == 0:
		return faulty("aggregator.retention_size", " is 0: want more than none")
	}
	return nil
}

func (m Metrics) check() error { return checkListen("metrics.listen", m.Listen) }

// checkListen refuses what is neither empty nor HOST:PORT.
func checkListen(key, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return faulty(key, " is %q: want HOST:PORT like 127.0.0.1:9460, or nothing", address)
	}
	return nil
}

// Levels splits log.level into the level of everything and those of single parts.
func (l Log) Levels() (all string, parts map[string]string, err error) {
	all, parts = "info", make(map[string]string)
	for _, item := range strings.Split(l.Level, ",") {
		part, level, single := strings.Cut(strings.TrimSpace(item), "=")
		if !single {
			part, level = "", part
		}
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) || single && part == "" {
			return "", nil, faulty("log.level", " is %q: want debug, info, warn or error, or a list like info,p2p=debug", l.Level)
		}
		if single {
			parts[part] = level
		} else {
			all = level
		}
	}
	return all, parts, nil
}

func (l Log) check() error {
	switch l.Format {
	case LogAuto, LogText, LogJSON:
	default:
		return faulty("log.format", " is %q: want auto, text or json", l.Format)
	}
	_, _, err := l.Levels()
	return err
}

// parseConfig reads a config file over the defaults of its role.
func parseConfig(data []byte) (Config, error) {
	var role struct {
		Node struct {
			Role p2p.Role `toml:"role"`
		} `toml:"node"`
	}
	// What is wrong is said below, where unknown keys are too.
	_ = toml.Unmarshal(data, &role)
	c := DefaultConfig(role.Node.Role)
	if err := strict.Decode(data, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}
