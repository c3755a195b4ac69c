// Command relevance measures on the sealed part of the project's labelled pairs how well the relevance score tells right
// pairs from shuffled ones, and how well empty, copied and refusing answers are found. It runs on Go alone.
package main
