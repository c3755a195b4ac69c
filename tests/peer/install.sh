# Sourced by the scripts named venv: one virtual environment each, in the cache, with the Python peers that something is compared with.
#
#   . tests/peer/install.sh
#   holds() { "$1" -c "import openai; assert openai.__version__ == '3.57.0'" 2>/dev/null; } # whether a Python has the peers
#   named=ELARA_OPENAI_PEERS # variable by which a user gives another Python; without it there is none
#   over=tests/peer/venv     # script whose environment's packages are seen too, and not installed again; without it there is none
#   provide openai-peers openai==3.57.0
#
# provide prints the Python of a folder of the cache, and installs it with pip where it is missing.
set -euo pipefail
named=""
over=""

provide() { # FOLDER PIP_ARGUMENT...
  local home="${XDG_CACHE_HOME:-$HOME/.cache}/elara/$1" python remedy
  shift
  python="$home/bin/python"
  remedy="; remove $home and it is installed again"
  if [[ -n $named && -n ${!named:-} ]]; then
    python="${!named}"
    remedy=""
    [[ -x $python ]] || { echo "peers: $named names $python, which is no program" >&2; exit 1; }
  elif [[ ! -x $python ]]; then
    mkdir -p "$(dirname "$home")"
    exec 9> "$home.lock"
    flock 9 # two that need it at once install it once
    [[ -x $python ]] || install_into "$home" "$@"
  fi
  holds "$python" || { echo "peers: $python does not hold $*$remedy" >&2; exit 1; }
  echo "$python"
}

# Installed beside its place, looked at and moved, so that neither a kill nor a failure leaves half of it. The programs of a virtual
# environment name its path in their first line.
install_into() { # FOLDER PIP_ARGUMENT...
  local home="$1" base=python3
  shift
  [[ -z $over ]] || base="$("$over")"
  partial="$(mktemp -d "$(dirname "$home")/.$(basename "$home")-XXXXXX")"
  trap 'rm -rf "$partial"' EXIT
  echo "peers: installing $* into $home" >&2
  "$base" -m venv "$partial" >&2
  if [[ -n $over ]]; then
    local packages='import sysconfig; print(sysconfig.get_paths()["purelib"])'
    "$base" -c "$packages" > "$("$partial/bin/python" -c "$packages")/peers.pth"
  fi
  nice -n 19 "$partial/bin/python" -m pip install --quiet "$@" >&2
  holds "$partial/bin/python" || { echo "peers: what was installed does not import" >&2; exit 1; }
  grep -lI "^#!$partial/" "$partial"/bin/* | xargs sed -i "1s|^#!$partial/|#!$home/|"
  mv "$partial" "$home"
}
