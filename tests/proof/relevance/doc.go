// Command relevance measures on the sealed part of the project's labelled pairs how well the relevance score tells right
// pairs from shuffled ones, by words and by likelihood with SmolLM2 as the yardstick, and how well empty, copied and refusing answers
// are found.
package main
