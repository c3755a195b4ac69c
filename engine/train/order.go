package train

// Permutation is torch.randperm(n) of a CPU generator seeded with seed: the order in which transformers' Trainer (through
// accelerate's seedable sampler) visits n rows in epoch e when seed is the run's seed plus e. n must stay below 2^32/20, from
// where torch draws 64 bits.
func Permutation(n int, seed int64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	random := newMersenne(uint32(seed))
	for i := 0; i < n-1; i++ {
		j := i + int(random.next()%uint32(n-i))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// mersenne is MT19937 (Matsumoto and Nishimura 1998), the generator behind torch's CPU streams.
type mersenne struct {
	state [624]uint32
	at    int
}

func newMersenne(seed uint32) *mersenne {
	m := &mersenne{at: 624}
	m.state[0] = seed
	for i := 1; i < 624; i++ {
		m.state[i] = 1812433253*(m.state[i-1]^(m.state[i-1]>>30)) + uint32(i)
	}
	return m
}

func (m *mersenne) next() uint32 {
	if m.at == 624 {
		m.twist()
	}
	y := m.state[m.at]
	m.at++
	y ^= y >> 11
	y ^= (y << 7) & 0x9d2c5680
	y ^= (y << 15) & 0xefc60000
	return y ^ (y >> 18)
}

func (m *mersenne) twist() {
	for i := range m.state {
		y := m.state[i]&0x80000000 | m.state[(i+1)%624]&0x7fffffff
		m.state[i] = m.state[(i+397)%624] ^ y>>1
		if y&1 == 1 {
			m.state[i] ^= 0x9908b0df
		}
	}
	m.at = 0
}
