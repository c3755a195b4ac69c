# A W&B server of this machine, as far as runs and their history go, for wandb 0.31.0 and for Elara.
#
# Its answers have the shape that wandb 0.31.0's own core accepts. It keeps the history of each run by line number, as the
# file stream addresses it, and writes every run to DIR/RUN.json when the run changes. The key is checked for being there
# and is kept nowhere.
#
#   python stub.py PORT DIR      PORT 0 takes a free one; the first line printed is the address
import base64
import gzip
import json
import pathlib
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "notarealkey00000000000000000000000000000000"
ENTITY = "proof"


class Runs:
    def __init__(self, folder):
        self.folder, self.runs, self.changed = pathlib.Path(folder), {}, threading.Condition()
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name):
        return self.runs.setdefault(name, {"made": False, "config": None, "group": None, "history": {}, "complete": False, "rewritten": 0})

    def keep(self, name):
        (self.folder / f"{name}.json").write_text(json.dumps(self.runs[name]))
        self.changed.notify_all()

    def upsert(self, v):
        with self.changed:
            run = self.get(v["name"])
            run["made"] = True
            run["config"] = v.get("config") or run["config"]
            run["group"] = v.get("groupName") or run["group"]
            self.keep(v["name"])
            return len(run["history"])

    def stream(self, name, body):
        with self.changed:
            run = self.get(name)
            if not run["made"]:
                return 404
            part = body.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
            for number, line in enumerate(part["content"], part["offset"]):
                run["rewritten"] += number in run["history"] and run["history"][number] != line
                run["history"][number] = line
            run["complete"] |= bool(body.get("complete"))
            self.keep(name)
            return 200

    def status(self, name):
        with self.changed:
            run = self.runs.get(name)
            if not run or not run["made"]:
                return None
            lines = [run["history"][n] for n in sorted(run["history"])]
            return {
                "id": "run", "name": name, "summaryMetrics": "{}", "displayName": name, "logLineCount": 0, "historyLineCount": len(lines),
                "eventsLineCount": 0, "historyTail": json.dumps(lines[-1:]), "eventsTail": "[]", "config": run["config"] or "{}",
                "tags": [], "notes": "", "wandbConfig": "{}",
            }

    def arrived(self, name):
        with self.changed:
            return self.changed.wait_for(lambda: self.runs.get(name, {}).get("history"), timeout=20)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def answer(self, value, code=200):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_call(self):
        runs, data = self.server.runs, self.body()
        if name := re.fullmatch(r"/arrived/([^/]+)", self.path):
            return self.answer({}, 200 if runs.arrived(name[1]) else 404)
        if self.path.startswith("/storage/"):  # files of a run, which nobody compares
            return self.answer({})
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode():
            return self.answer({"error": "the key is missing or wrong"}, 401)
        if at := re.fullmatch(r"/files/" + ENTITY + r"/([^/]+)/([^/]+)/file_stream", self.path):
            return self.answer({}, runs.stream(at[2], json.loads(data)))
        if self.path != "/graphql":
            return self.answer({}, 404)
        call = json.loads(data)
        query, v = call["query"], call.get("variables") or {}
        viewer = {"id": "user", "entity": ENTITY, "username": ENTITY, "email": "", "flags": "{}", "teams": {"edges": []}}
        if "upsertBucket" in query:
            lines = runs.upsert(v)
            project = {"id": "project", "name": v["project"], "entity": {"id": "entity", "name": ENTITY}}
            bucket = {"id": "run", "name": v["name"], "displayName": v.get("displayName") or v["name"], "description": None,
                      "config": None, "sweepName": None, "historyLineCount": lines, "project": project}
            return self.answer({"data": {"upsertBucket": {"bucket": bucket, "inserted": lines == 0}}})
        if "historyTail" in query:
            bucket = runs.status(v["name"])
            model = {"id": "project", "name": v["project"], "entity": {"id": "entity", "name": ENTITY}, "bucket": bucket}
            return self.answer({"data": {"model": model}})
        if "createRunFiles" in query:
            port = self.server.server_port
            files = [{"name": f, "uploadUrl": f"http://127.0.0.1:{port}/storage/{f}"} for f in v["files"]]
            return self.answer({"data": {"createRunFiles": {"runID": "run", "uploadHeaders": [], "files": files}}})
        if "viewer" in query:
            return self.answer({"data": {"viewer": viewer, "serverInfo": {"features": []}}})
        return self.answer({"data": {"serverInfo": {"features": []}}})

    do_GET = do_POST = do_PUT = handle_call


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.runs = Runs(sys.argv[2])
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
