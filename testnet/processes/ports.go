package processes

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
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

// freePorts returns ports that are free for TCP and UDP now.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range 100 * count {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if !slices.Contains(ports, port) && isFree(port) {
			ports = append(ports, port)
		}
		if len(ports) == count {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", count, firstPort, lastPort)
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
