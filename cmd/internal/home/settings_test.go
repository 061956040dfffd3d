package home

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/p2p"
)

// otherTexts has for each key a valid text that is no default of the role client.
var otherTexts = map[string]string{
	"node.name":                 "dave",
	"node.role":                 "validator",
	"p2p.listen":                "/ip4/127.0.0.1/tcp/7101,/ip4/127.0.0.1/udp/7101/quic-v1",
	"p2p.announce":              "/dns4/example.org/tcp/7101",
	"p2p.peers":                 "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWBHvsSSKHeragACma3HUodK5FcPUpXccLu2vHooNsDf9k",
	"p2p.browser":               "true",
	"p2p.public":                "true",
	"chain.rpc":                 "wss://node.example/key",
	"chain.backups":             "http://192.0.2.1:8545,wss://node.example/other-key",
	"validator.sponsor":         "0xa1f30c5e401c2e48ad6022eb617d8e43ed0ad5bc",
	"client.account":            "0x17605184e34932acec2f404573fdfe7b831c54a9",
	"delivery.webhook":          "https://shop.example/orders",
	"delivery.secret_file":      "/run/secrets/webhook",
	"delivery.command":          "/usr/local/bin/order,--quiet",
	"aggregator.listen":         "127.0.0.1:8081",
	"aggregator.hosts":          "board.example",
	"aggregator.cors":           "https://wallet.example,http://127.0.0.1:5173",
	"aggregator.retention_time": "1h30m",
	"aggregator.retention_size": "500MB",
	"keystore.password_file":    "/run/secrets/password",
	"metrics.listen":            "127.0.0.1:9460",
	"log.level":                 "warn,p2p=debug",
	"log.format":                "json",
	"log.file":                  "log/allegro.ndjson",
}

// Every key can be set by Set, by the environment and by the file; each wins over
// what it should and says where it is from.
func TestEveryKeyCanBeSet(t *testing.T) {
	// Addresses are shown with their checksum.
	shown := maps.Clone(otherTexts)
	for _, key := range []string{"validator.sponsor", "client.account"} {
		shown[key] = setIn(t, key, otherTexts[key])
	}
	if keys := slices.Sorted(maps.Keys(otherTexts)); !slices.Equal(keys, slices.Sorted(slices.Values(Keys()))) {
		t.Fatalf("the texts are of the keys %v, the config has %v", keys, Keys())
	}
	for _, key := range Keys() {
		text := otherTexts[key]
		if got := setIn(t, key, text); got != shown[key] {
			t.Errorf("Set(%s, %q) makes %q, want %q", key, text, got, shown[key])
		}
		byEnv := env(map[string]string{EnvName(key): text})
		role := p2p.RoleClient
		for _, other := range []p2p.Role{p2p.RoleValidator, p2p.RoleAggregator} {
			if strings.HasPrefix(key, string(other)+".") {
				role = other
			}
		}
		dir := newHome(t, role).Dir()

		// A file that says nothing but the role: default.
		bare := "[node]\nrole = '" + string(role) + "'\n"
		if err := os.WriteFile(filepath.Join(dir, configName), []byte(bare), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := setting(t, dir, noEnv, key); key != "node.role" && (got.Origin != OriginDefault || got.Value == shown[key]) {
			t.Errorf("default: %+v", got)
		}
		// The environment over the default.
		if got := setting(t, dir, byEnv, key); got != (Setting{key, shown[key], EnvName(key)}) {
			t.Errorf("environment: %+v", got)
		}
		// The file over the default.
		h, err := Open(dir, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Edit(func(c *Config) error { return c.Set(key, text) }); err != nil {
			t.Errorf("editing %s: %v", key, err)
			continue
		}
		if got := setting(t, dir, noEnv, key); got != (Setting{key, shown[key], OriginFile}) {
			t.Errorf("file: %+v", got)
		}
		// The environment over the file, a flag over the environment.
		again := DefaultConfig(role)
		other, err := again.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		h, err = Open(dir, env(map[string]string{EnvName(key): other}))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.Config().Get(key); got != other || err != nil {
			t.Errorf("environment over file: %s is %q, %v", key, got, err)
		}
		if err := h.Override(key, text, "--flag"); err != nil {
			t.Error(err)
		}
		if !slices.Contains(h.Settings(), Setting{key, shown[key], "--flag"}) {
			t.Errorf("flag over environment: %v", h.Settings())
		}
	}
}

// What sets levels and format of every program with libp2p in it sets those of a peer, unless
// the key's own variable does.
func TestGoLogVariablesAreRespected(t *testing.T) {
	dir := newHome(t, p2p.RoleClient).Dir()
	for _, tc := range []struct{ key, name, text, want, own string }{
		{"log.level", GoLogLevel, "warn,p2p=debug", "warn,p2p=debug", "error"},
		{"log.format", GoLogFormat, "json", LogJSON, LogText},
		{"log.format", GoLogFormat, "nocolor", LogText, LogJSON},
		{"log.format", GoLogFormat, "color", LogText, LogJSON},
	} {
		h, err := Open(dir, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Edit(func(c *Config) error { return c.Set(tc.key, tc.own) }); err != nil {
			t.Fatal(err)
		}
		vars := map[string]string{tc.name: tc.text}
		if got := setting(t, dir, env(vars), tc.key); got != (Setting{tc.key, tc.want, tc.name}) {
			t.Errorf("over the file: %+v", got)
		}
		vars[EnvName(tc.key)] = tc.own
		if got := setting(t, dir, env(vars), tc.key); got != (Setting{tc.key, tc.own, EnvName(tc.key)}) {
			t.Errorf("under the key's own: %+v", got)
		}
		if got := setting(t, dir, env(map[string]string{tc.name: ""}), tc.key); got.Origin != OriginFile {
			t.Errorf("empty: %+v", got)
		}
		if _, err := Open(dir, env(map[string]string{tc.name: "loud"})); err == nil || !strings.HasPrefix(err.Error(), tc.name) {
			t.Errorf("%s=loud: %v", tc.name, err)
		}
	}
}

// setIn sets a key in a default config and returns it as it is shown.
func setIn(t *testing.T, key, text string) string {
	t.Helper()
	c := DefaultConfig(p2p.RoleClient)
	if err := c.Set(key, text); err != nil {
		t.Fatal(err)
	}
	got, err := c.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// setting returns a key of the home in dir.
func setting(t *testing.T, dir string, lookup func(string) (string, bool), key string) Setting {
	t.Helper()
	h, err := Open(dir, lookup)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range h.Settings() {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return Setting{}
}

func TestKeysAndNames(t *testing.T) {
	keys := Keys()
	if keys[0] != "node.name" || keys[len(keys)-1] != "log.file" {
		t.Errorf("keys are %v", keys)
	}
	if got := EnvName("keystore.password_file"); got != "ALLEGRO_KEYSTORE_PASSWORD_FILE" {
		t.Error(got)
	}
	names := make(map[string]bool)
	for _, key := range keys {
		names[EnvName(key)] = true
	}
	if len(names) != len(keys) {
		t.Errorf("two keys share a variable: %v", names)
	}
}

func TestSetAndGetRefuse(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"p2p.listn", "", "key p2p.listn is unknown: did you mean p2p.listen?"},
		{"listen", "", "key listen is unknown: did you mean p2p.listen?"},
		{"p2p", "", "p2p is a table: name one of its keys"},
		{"p2p.public", "maybe", `p2p.public: "maybe" is neither true nor false`},
		{"client.account", "0x12", `client.account: "0x12" is not an address`},
		{"", "", "is unknown"},
	} {
		config := DefaultConfig(p2p.RoleClient)
		err := config.Set(c.key, c.text)
		wantError(t, err, nil, c.want)
	}
	config := DefaultConfig(p2p.RoleClient)
	_, err := config.Get("log.levels")
	wantError(t, err, nil, "did you mean log.level?")
}

func TestListsInSettings(t *testing.T) {
	if got := setIn(t, "p2p.listen", " /ip4/127.0.0.1/tcp/1 , ,/ip4/127.0.0.1/tcp/2,"); got != "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2" {
		t.Errorf("list is %q", got)
	}
	c := DefaultConfig(p2p.RoleValidator)
	if err := c.Set("p2p.listen", ""); err != nil || len(c.P2P.Listen) != 0 {
		t.Errorf("an empty text makes %v, %v", c.P2P.Listen, err)
	}
}

func TestNoAccount(t *testing.T) {
	if got := setIn(t, "client.account", ""); got != "" {
		t.Errorf("no account is shown as %q", got)
	}
	c := DefaultConfig(p2p.RoleClient)
	c.Client.Account[0] = 1
	if err := c.Set("client.account", ""); err != nil || c.Client.Account[0] != 0 {
		t.Errorf("account is %s, %v", c.Client.Account, err)
	}
}

// A variable that cannot be read stops the program: it would run with another
// configuration than its owner believes.
func TestBadEnvironment(t *testing.T) {
	dir := newHome(t, p2p.RoleClient).Dir()
	_, err := Open(dir, env(map[string]string{"ALLEGRO_P2P_PUBLIC": "maybe"}))
	wantError(t, err, nil, `ALLEGRO_P2P_PUBLIC: p2p.public: "maybe" is neither true nor false`)
}

// The decoder takes a key in any case, and so does what is told about its origin.
func TestOriginOfKeyInAnotherCase(t *testing.T) {
	dir := newHome(t, p2p.RoleClient).Dir()
	if err := os.WriteFile(filepath.Join(dir, configName), []byte("[Node]\nRole = 'client'\n[LOG]\nLevel = 'debug'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := setting(t, dir, noEnv, "log.level"); got != (Setting{"log.level", "debug", OriginFile}) {
		t.Errorf("%+v", got)
	}
}
