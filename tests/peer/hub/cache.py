# What huggingface_hub makes of a cache; the other side of TestPythonReadsOurCache and TestWeReadPythonsCache in data/hub,
# which set HF_ENDPOINT and HF_HUB_CACHE and run:
#   python tests/peer/hub/cache.py fetch REPO REVISION FILE...   fetches files into the cache
#   python tests/peer/hub/cache.py read REPO REVISION FILE...    finds them there, offline
# Both print one line of JSON: the snapshot's folder, the SHA-256 of each file, and, where the library scans caches, how many
# files and warnings it counts.
# Versions: huggingface_hub 2.4.0 (1.x and 0.2x have the same layout), Python 3.11.
import hashlib
import json
import pathlib
import sys

from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache


def main(verb, repo, revision, *files):
    folder = snapshot_download(repo, revision=revision, allow_patterns=list(files), local_files_only=verb == "read")
    sums = {}
    for name in files:
        path = try_to_load_from_cache(repo, name, revision=revision)
        assert path == str(pathlib.Path(folder) / name), (path, folder)
        sums[name] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    scanned = scan_cache_dir()
    counted = [r.nb_files for r in scanned.repos if r.repo_id == repo]
    print(json.dumps({"folder": folder, "sums": sums, "counted": counted, "warnings": [str(w) for w in scanned.warnings]}))


main(*sys.argv[1:])
