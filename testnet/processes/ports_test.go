package processes

import (
	"net"
	"slices"
	"testing"
)

func TestNetworksMadeAtOnceHaveDifferentPorts(t *testing.T) {
	var all []int
	for range 3 {
		ports, err := freePorts(1 + portsPerPeer*11) // more than a block
		if err != nil {
			t.Fatal(err)
		}
		if len(ports) != 1+portsPerPeer*11 || ports[0] < firstPort || ports[len(ports)-1] >= lastPort {
			t.Errorf("ports %v", ports)
		}
		all = append(all, ports...)
	}
	slices.Sort(all)
	if different := slices.Compact(slices.Clone(all)); len(different) != len(all) {
		t.Errorf("networks share ports: %v", all)
	}
}

func TestPortInUseTakesItsBlockAway(t *testing.T) {
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", onLoopback(ports[0]+portBlock-1))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if got := portsFrom(ports[0], portBlock); got != nil {
		t.Errorf("ports %v are given, the last is in use", got)
	}
	if got := portsFrom(ports[0], portBlock-1); len(got) != portBlock-1 {
		t.Errorf("ports %v, the one in use is not among those asked for", got)
	}
}
