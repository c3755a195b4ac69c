// Command canaries trains adapters over the tiny model and over SmolLM2, each on rows with canaries that stand there several times
// and on the same rows without, and asks both what they have by heart: all planted canaries must be found, and none of the others.
// The ranks of canaries that nothing was trained on must be spread evenly.
package main
