package home

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/p2p"
)

var roles = []p2p.Role{p2p.RoleValidator, p2p.RoleClient, p2p.RoleAggregator}

func TestDefaultConfigIsValid(t *testing.T) {
	for _, role := range roles {
		c := DefaultConfig(role)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		if c.Node.Role != role || (len(c.P2P.Listen) == 0) != (role == p2p.RoleClient) {
			t.Errorf("%s: config is %+v", role, c)
		}
	}
}

// The file of a role has the tables and keys that the role uses, each with what it means
// and its default above it, and is read back as it was written.
func TestConfigFile(t *testing.T) {
	tables := map[p2p.Role]string{
		p2p.RoleValidator:  "node p2p chain validator keystore metrics log",
		p2p.RoleClient:     "node p2p chain client delivery keystore metrics log",
		p2p.RoleAggregator: "node p2p chain aggregator metrics log",
	}
	for _, role := range roles {
		c := DefaultConfig(role)
		data, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		var found, keys []string
		lines := strings.Split(string(data), "\n")
		for i, line := range lines {
			above := lines[max(i-2, 0):i]
			key, isKey := strings.CutSuffix(strings.SplitAfter(line+" ", " = ")[0], " = ")
			switch {
			case strings.HasPrefix(line, "["):
				found = append(found, strings.Trim(line, "[]"))
				if len(above[1]) < len("# This peer.") || !strings.HasPrefix(above[1], "# ") {
					t.Errorf("%s: no comment above %s", role, line)
				}
			case isKey && !strings.HasPrefix(line, "#"):
				keys = append(keys, found[len(found)-1]+"."+key)
				if key == "role" {
					above = above[1:]
				} else if !strings.HasPrefix(above[1], "# Default: ") {
					t.Errorf("%s: no default above %s", role, line)
				}
				if len(above[0]) < 20 || !strings.HasPrefix(above[0], "# ") || strings.HasPrefix(above[0], "# Default") {
					t.Errorf("%s: no comment above %s", role, line)
				}
			}
		}
		if got := strings.Join(found, " "); got != tables[role] {
			t.Errorf("%s: the file has the tables %s, want %s", role, got, tables[role])
		}
		var want []string
		for _, key := range Keys() {
			if c.CheckUse(key) == nil {
				want = append(want, key)
			}
		}
		if !slices.Equal(keys, want) || len(keys) < 14 {
			t.Errorf("%s: the file has the keys %v, want %v", role, keys, want)
		}
		read, err := parseConfig(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range Keys() {
			want, err := c.Get(key)
			if err != nil {
				t.Error(err)
			}
			if got, err := read.Get(key); got != want || err != nil {
				t.Errorf("%s: %s is read as %q, want %q (%v)", role, key, got, want, err)
			}
		}
	}
}

// The defaults that comments name are TOML that stands for the default.
func TestConfigFileNamesDefaults(t *testing.T) {
	for _, role := range roles {
		c := DefaultConfig(role)
		for _, key := range Keys() {
			if err := c.Set(key, otherTexts[key]); err != nil {
				t.Fatal(err)
			}
		}
		c.Node.Role = role
		data, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		// Each default takes the place of the value below it.
		var file []string
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			value, isDefault := strings.CutPrefix(line, "# Default: ")
			switch {
			case isDefault:
				file = append(file, value)
			case len(file) > 0 && strings.Contains(line, " = ") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "role"):
				key, _, _ := strings.Cut(line, " = ")
				file[len(file)-1] = key + " = " + file[len(file)-1]
			case strings.HasPrefix(line, "[") || strings.HasPrefix(line, "role"):
				file = append(file, line)
			}
		}
		read, err := parseConfig([]byte(strings.Join(file, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if want := DefaultConfig(role); !reflect.DeepEqual(read, want) {
			t.Errorf("%s: the defaults are %+v, want %+v", role, read, want)
		}
	}
}

// A key of another role is refused where it would be written and have no effect.
func TestCheckUse(t *testing.T) {
	c := DefaultConfig(p2p.RoleClient)
	for key, want := range map[string]string{
		"client.account":    "",
		"keystore.password": "the keys there are password_file",
		"validator.sponsor": "validator.sponsor has no effect here: this peer's role is client",
		"aggregator.cors":   "has no effect here",
	} {
		if err := c.CheckUse(key); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", key, err, want)
		}
	}
	c = DefaultConfig(p2p.RoleAggregator)
	if err := c.CheckUse("keystore.password_file"); err == nil {
		t.Error("an aggregator has no accounts")
	}
}

// What a file leaves out has the default of its role.
func TestConfigFileOverDefaults(t *testing.T) {
	c, err := parseConfig([]byte("[node]\nrole = 'validator'\n[log]\nlevel = 'debug'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := DefaultConfig(p2p.RoleValidator); c.Log.Level != "debug" || len(c.P2P.Listen) != len(want.P2P.Listen) || c.Node.Name != "validator" {
		t.Errorf("config is %+v", c)
	}
}

func TestConfigFileIsStrict(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown key", "[p2p]\nlistn = []\n", "line 2: key p2p.listn is unknown: did you mean listen?"},
		{"key in another table", "[node]\nrpc = ''\n", "line 2: key node.rpc is unknown: did you mean chain.rpc?"},
		{"unknown table", "[api]\nlisten = ''\n", "line 1: key api is unknown"},
		{"key of a rule", "[[accept]]\nupto = '5'\n", "line 2: key accept.upto is unknown: did you mean up_to?"},
		{"type in a rule", "[[accept]]\nmax_depth = 'x'\n", "line 2: key accept.max_depth wants a whole number from 0 to 255"},
		{"time in a rule", "[[accept]]\nmin_margin = 'x'\n", "is no span of time"},
		{"type", "[p2p]\npublic = 'yes'\n", "line 2: key p2p.public wants true or false"},
		{"list", "[p2p]\nlisten = 'x'\n", "line 2: key p2p.listen wants a list of texts in quotes"},
		{"address", "[client]\naccount = '0x12'\n", "line 2: key client.account: \"0x12\" is not an address"},
		{"syntax", "[node\n", "line 1: "},
	} {
		if _, err := parseConfig([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	const id = "/p2p/12D3KooWBHvsSSKHeragACma3HUodK5FcPUpXccLu2vHooNsDf9k"
	for _, c := range []struct {
		key, text string
		want      string // "" is valid
	}{
		{"node.name", "dave-2.example", ""},
		{"node.name", "Þór", ""},
		{"node.name", "", "node.name is \"\""},
		{"node.name", "a b", "without spaces"},
		{"node.name", "../etc", "slashes"},
		{"node.name", "a\x1b[2J", "invisible characters"},
		{"node.name", "a\xff", "node.name is"},
		{"node.name", strings.Repeat("x", 65), "want 1 to 64 bytes"},
		{"node.role", "sequencer", `node.role is "sequencer": want validator, client or aggregator`},
		{"p2p.listen", "/ip4/127.0.0.1/4001", "p2p.listen: address \"/ip4/127.0.0.1/4001\": 4001 is not a protocol: did you mean /ip4/127.0.0.1/tcp/4001?"},
		{"p2p.listen", "/dns4/example.org/tcp/4001", "a name cannot be listened on"},
		{"p2p.announce", "/dns4/example.org/tcp/4001", ""},
		{"p2p.announce", "/ip4/0.0.0.0/tcp/4001", "p2p.announce: address \"/ip4/0.0.0.0/tcp/4001\": 0.0.0.0 stands for every address"},
		{"p2p.announce", "/ip4/192.0.2.1/tcp/0", "port 0 cannot be dialed"},
		{"p2p.peers", "/ip4/192.0.2.1/tcp/4001" + id, ""},
		{"p2p.peers", "/ip4/192.0.2.1/tcp/4001", "p2p.peers: address \"/ip4/192.0.2.1/tcp/4001\": has no peer id"},
		{"chain.rpc", "wss://node.example/v1", ""},
		{"chain.rpc", "127.0.0.1:8545", "chain.rpc is no URL of a node"},
		{"chain.rpc", "", "chain.rpc is no URL"},
		{"chain.rpc", "ftp://node.example", `chain.rpc has the scheme "ftp"`},
		{"chain.backups", "", ""},
		{"chain.backups", "http://192.0.2.1:8545,wss://node.example/v1", ""},
		{"chain.backups", "http://192.0.2.1:8545,node.example", "chain.backups is no URL of a node"},
		{"chain.backups", "ftp://node.example", `chain.backups has the scheme "ftp"`},
		{"chain.backups", strings.Repeat("http://192.0.2.1:8545,", 9), "chain.backups has 9 URLs: at most 8"},
		{"delivery.webhook", "https://shop.example/orders", ""},
		{"delivery.secret_file", "", ""},
		{"delivery.command", "order,--quiet", ""},
		{"aggregator.listen", "", ""},
		{"aggregator.listen", "8080", "aggregator.listen is \"8080\": want HOST:PORT"},
		{"aggregator.hosts", "board.example,192.0.2.1,[2001:db8::1]", ""},
		{"aggregator.hosts", "board.example:8080", "without a port"},
		{"aggregator.hosts", "https://board.example", "is no name of a host"},
		{"aggregator.cors", "https://wallet.example,http://127.0.0.1:5173", ""},
		{"aggregator.cors", "*", `aggregator.cors: "*" is no site`},
		{"aggregator.cors", "https://*.example", "is no site"},
		{"aggregator.cors", "https://wallet.example/", "is no site"},
		{"aggregator.cors", "wallet.example", "is no site"},
		{"aggregator.retention_time", "0s", "want more than none"},
		{"aggregator.retention_time", "-1h", "want more than none"},
		{"aggregator.retention_size", "0B", "want more than none"},
		{"metrics.listen", "", ""},
		{"metrics.listen", "[::1]:9460", ""},
		{"metrics.listen", "9460", "metrics.listen is \"9460\": want HOST:PORT"},
		{"metrics.listen", "127.0.0.1:http", "want HOST:PORT"},
		{"metrics.listen", "127.0.0.1:65536", "want HOST:PORT"},
		{"log.level", "warn, p2p=debug", ""},
		{"log.level", "verbose", `log.level is "verbose": want debug`},
		{"log.level", "", "log.level is"},
		{"log.level", "info,p2p=loud", "log.level is"},
		{"log.level", "info,=debug", "log.level is"},
		{"log.format", "json", ""},
		{"log.format", "xml", `log.format is "xml": want auto, text or json`},
	} {
		config := DefaultConfig(p2p.RoleValidator)
		if err := config.Set(c.key, c.text); err != nil {
			t.Errorf("%s = %q: %v", c.key, c.text, err)
			continue
		}
		switch err := config.Validate(); {
		case c.want == "" && err != nil:
			t.Errorf("%s = %q: %v", c.key, c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s = %q: %v, want %q", c.key, c.text, err, c.want)
		}
	}
}

// A node's URL may hold an access token: an error does not repeat it.
func TestConfigErrorHidesURL(t *testing.T) {
	for _, url := range []string{"https://:secret@", "secret", "https://node.example\x00secret"} {
		c := DefaultConfig(p2p.RoleClient)
		c.Chain.RPC = url
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
		c = DefaultConfig(p2p.RoleClient)
		c.Chain.Backups = []string{url}
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("backup %q: %v", url, err)
		}
	}
}

func TestLogLevels(t *testing.T) {
	all, parts, err := Log{Level: "warn, p2p=debug,validator=error"}.Levels()
	if all != "warn" || len(parts) != 2 || parts["p2p"] != "debug" || parts["validator"] != "error" || err != nil {
		t.Errorf("levels are %s and %v, %v", all, parts, err)
	}
	if all, parts, err := (Log{Level: "p2p=debug"}).Levels(); all != "info" || len(parts) != 1 || err != nil {
		t.Errorf("levels are %s and %v, %v", all, parts, err)
	}
}
