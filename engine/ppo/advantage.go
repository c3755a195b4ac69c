package ppo

// Advantages is generalised advantage estimation (Schulman et al., arXiv 1506.02438, equation 16) over the steps of one answer,
// from the last one back; after it the value is 0:
//
//	delta[t] = rewards[t] + gamma * values[t+1] - values[t]
//	advantages[t] = delta[t] + gamma * lam * advantages[t+1]
//
// returns are advantages + values: what the value function is trained on, taken before any whitening. rewards, values: [steps].
func Advantages(rewards, values []float64, gamma, lam float64) (advantages, returns []float64) {
	advantages, returns = make([]float64, len(rewards)), make([]float64, len(rewards))
	var last, next float64
	for t := len(rewards) - 1; t >= 0; t-- {
		last = rewards[t] + gamma*next - values[t] + gamma*lam*last
		advantages[t], returns[t], next = last, last+values[t], values[t]
	}
	return advantages, returns
}
