// Command tone measures on the sealed part of the project's labelled texts how well the four audiences are told apart,
// beside a baseline that knows nothing but the number of words. It runs on Go alone.
package main
