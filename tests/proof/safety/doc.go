// Command safety measures the safety rules on the sealed part of the project's labelled pairs: recall and precision over
// all rules, and the share of harmless twins that are flagged. It runs on Go alone.
package main
