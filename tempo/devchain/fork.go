package devchain

// Fork is a hardfork of Tempo, by the name that anvil's --hardfork knows it by.
type Fork string

// The hardforks that a development chain can be at.
const (
	T3 Fork = "t3" // the last one with sub-block lanes: no Tempo runs it any more
	T4 Fork = "t4" // the first one without; later ones change nothing that this chain has
)

// forkNames are Tempo's hardforks in their order, as tempo_forkSchedule names them.
var forkNames = []string{"T0", "T1", "T2", "T3", "T4"}

// reached returns the hardforks that are active at f.
func (f Fork) reached() []string {
	if f == T3 {
		return forkNames[:4]
	}
	return forkNames
}

// sharedGasLimit is the part of a block's gas that belongs to sub-blocks: a tenth
// before T4, nothing since.
func (f Fork) sharedGasLimit() uint64 {
	if f == T3 {
		return blockGasLimit / 10
	}
	return 0
}
