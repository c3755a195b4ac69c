// Command loss-invariance trains an adapter on SmolLM2 in float32 and reads the certificate in the run's report: by how much loss
// and gradients of the same rows differ when they are computed one by one, packed into one stream, and packed with their common
// beginnings computed once.
package main
