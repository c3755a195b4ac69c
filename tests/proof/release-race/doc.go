// Command release-race proves that a channel is flipped by one promoter alone: in each round ten of them, each with an
// approved candidate and a connection of its own to a real S3 gateway, flip one channel at once from what all of them have
// seen. One must win; the others must be refused with the winner's name and candidate. Then the channel is rolled back, and
// must serve the digest and the bytes of before. Its last line is the proof's.
package main
