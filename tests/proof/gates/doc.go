// Command gates lets the gates judge evaluations of two equal models, and of models with a known difference: how often are
// equal ones promoted, and how often are better ones.
package main
