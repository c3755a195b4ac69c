"""Runs a command and prints {"seconds", "peak_bytes"}: wall time, and the most memory it had resident.

Usage: python watch.py COMMAND...
"""
import json
import resource
import subprocess
import sys
import time

began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
print(json.dumps({"seconds": time.monotonic() - began, "peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}))
sys.exit(code)
