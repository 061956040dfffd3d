package processes

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// peerPorts are the ports of one peer. They are chosen once: whoever has noted one
// finds the peer there after its restart too.
type peerPorts struct{ p2p, http, metrics int }

// portsPerPeer is how many ports peerPorts has.
const portsPerPeer = 3

// portsOf are the ports of the i-th peer among those of a network, of which the first
// is the chain's.
func portsOf(ports []int, i int) peerPorts {
	own := ports[1+portsPerPeer*i:]
	return peerPorts{own[0], own[1], own[2]}
}

// onLoopback is the HOST:PORT of a port of this machine.
func onLoopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// Ports are taken from below the ones that systems give to outgoing connections, which
// could take a port between init and up.
const firstPort, lastPort = 10_000, 30_000

// portBlock is how many ports lie in a block: a network of ten peers needs one. A block
// goes to one network as a whole, so that the ports of a peer that is stopped are not
// taken by the next network as long as any other of its peers runs.
const portBlock = 32

// chosen counts how often this process has chosen ports.
var chosen atomic.Int32

// freePorts returns ports in a row that are free for TCP and UDP now. Networks that are
// made at the same time, when none of them runs yet, are not told apart by that: each
// process, and each choice in it, begins to look at another block.
func freePorts(count int) ([]int, error) {
	const blocks, apart = (lastPort - firstPort) / portBlock, 97 // without a common divisor
	begin := (os.Getpid() + int(chosen.Add(1))) * apart
	for i := range blocks {
		first := firstPort + (begin+i)%blocks*portBlock
		if ports := portsFrom(first, (count+portBlock-1)/portBlock*portBlock); ports != nil {
			return ports[:count], nil
		}
	}
	return nil, fmt.Errorf("no %d free ports in a row between %d and %d", count, firstPort, lastPort)
}

// portsFrom returns the ports from the first on if all of them may be taken.
func portsFrom(first, count int) []int {
	if first+count > lastPort {
		return nil
	}
	ports := make([]int, count)
	for i := range ports {
		ports[i] = first + i
		if !isFree(ports[i]) {
			return nil
		}
	}
	return ports
}

func isFree(port int) bool {
	address := onLoopback(port)
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
