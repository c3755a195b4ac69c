# Sourced, from the repository's root, by proofs that are a test of the engine which prints "figure: ..." and holds it to the bound.
# ELARA_PROOF asks the test for the whole of it; without, it does a part.
prove_by_test() { # NAME TEST BOUND
  local status=ok figure
  log="$(mktemp)"
  trap 'rm -f "$log"' EXIT
  . build/env.sh
  ELARA_PROOF=1 go test -tags torch -count=1 -timeout 60m -v -run "^$2\$" ./engine/recipes > "$log" 2>&1 || status=short
  grep -v '^===' "$log" || true
  figure="$(sed -n 's/.*figure: //p' "$log")"
  [[ -n $figure ]] || figure="no figure" status=short # the test was skipped, or has another name
  echo "proof $1: $figure (bound $3) $status"
  [[ $status == ok ]]
}
