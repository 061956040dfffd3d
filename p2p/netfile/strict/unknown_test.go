package strict

import "testing"

type sample struct {
	P2P struct {
		Listen string `toml:"listen"`
	} `toml:"p2p"`
	Chain struct {
		RPC string `toml:"rpc"`
	} `toml:"chain"`
}

func TestUnknownKey(t *testing.T) {
	for _, c := range []struct {
		path []string
		want string
	}{
		{[]string{"p2p", "listn"}, "key p2p.listn is unknown: did you mean p2p.listen?"},
		{[]string{"chain", "listen"}, "key chain.listen is unknown: did you mean p2p.listen?"},
		{[]string{"rpc"}, "key rpc is unknown: did you mean chain.rpc?"},
		{[]string{"p2p", "completely"}, "key p2p.completely is unknown: the keys there are listen"},
	} {
		if got := UnknownKey(new(sample), c.path).Error(); got != c.want {
			t.Errorf("%v: %s, want %s", c.path, got, c.want)
		}
	}
	if got, want := Decode([]byte("[p2p]\nlistn = ''\n"), new(sample)).Error(), "line 2: key p2p.listn is unknown: did you mean listen?"; got != want {
		t.Errorf("in a file: %s, want %s", got, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"Dave", "edgar", "frank"}
	for name, want := range map[string]string{"dave": "Dave", "davé": "Dave", "edger": "edgar", "": "", "mallory": "", "grank": "frank"} {
		if got := Nearest(name, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := Nearest("dave", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}
