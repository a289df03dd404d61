"""Exports requests for a client whose secret has every character that some encoding writes differently, and lets the tools send them.

    nasty.py GRANTLINT WORK

The server here takes the secret in each way in which it can be sent, and nothing that is not quite it: whatever a tool or an export gets wrong
ends as a refusal, and the tool has to fail.
"""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

GRANTLINT, WORK = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).absolute()
TOOLS = WORK / "node_modules/.bin"
SECRET = r"""a"b\c'd{{e}}$f%41+g &=h/~`i`?#<>;é$(j)"""


class Server(BaseHTTPRequestHandler):
    seen = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        way = self.way(body) if self.path == "/token" else "resource"
        self.seen.add(way)
        answer = json.dumps({"access_token": "x" * 40, "token_type": "Bearer"} if way else {"error": "invalid_client"}).encode()
        self.send_response(200 if way else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def way(self, body):
        """How the right secret was sent; `None` if it was not."""
        scheme, _, pair = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            standard = pair.replace("-", "+").replace("_", "/")
            client, _, secret = base64.b64decode(standard + "=" * (-len(standard) % 4)).decode().partition(":")
            ways = {"raw": (client, secret), "form-encoded": (unquote_plus(client), unquote_plus(secret))}
            return next((f"basic {way}" for way, sent in ways.items() if sent == ("gl", SECRET)), None)
        if "json" in self.headers.get("content-type", ""):
            try:
                return "json" if json.loads(body).get("client_secret") == SECRET else None
            except ValueError:
                return None
        return "form" if parse_qs(body).get("client_secret") == [SECRET] else None

    def log_message(self, *_):
        pass


def run(*command):
    environment = os.environ | {"CLIENT_SECRET": SECRET, "NASTY": SECRET}
    done = subprocess.run([str(word) for word in command], cwd=WORK, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    for method in ("client_secret_basic", "client_secret_post"):
        entry = {
            "token_endpoint": f"{origin}/token", "scope": "a b", "token_endpoint_auth_methods": [method],
            "request_content_types": ["form", "json"], "client": {"client_id": "gl", "client_secret": "${env:NASTY}"},
        }
        (WORK / "nasty.yaml").write_text(json.dumps({"targets": {"nasty": entry}}))
        # What Coupa sends, and each way to authenticate that is an ordinary request.
        exported = ("--config", "nasty.yaml", "--suite", "coupa-call-out", "--suite", "oauth2")
        environments = WORK / "nasty-environment.json"
        environments.write_text(json.dumps({"name": "nasty", "values": [{"key": "client_secret", "value": SECRET, "enabled": True}]}))
        tools = {
            "postman": lambda path: run(TOOLS / "newman", "run", path, "--environment", environments),
            "curl": lambda path: run("sh", path),
            "httpyac": lambda path: run(TOOLS / "httpyac", "send", path, "--all", "--json", "--output", "none"),
        }
        for form, tool in tools.items():
            path = WORK / f"nasty.{form}"
            run(GRANTLINT, "export", form, *exported, "-o", path)
            assert SECRET not in path.read_text() and json.dumps(SECRET)[1:-1] not in path.read_text(), f"{path} holds the secret"
            Server.seen.clear()
            tool(path)
            assert None not in Server.seen, Server.seen
            print(f"ok: a nasty secret, {method}, {form}: {', '.join(sorted(Server.seen))}")
            # And the body of JSON, which no suite asks for as an ordinary request.
            if method == "client_secret_post":
                asked = ("--all", "--suite", "coupa-call-out", "--only", "coupa/call-out/json-body-refused")
                run(GRANTLINT, "export", form, "--config", "nasty.yaml", *asked, "-o", path)
                Server.seen.clear()
                tool(path)
                assert "json" in Server.seen and None not in Server.seen, Server.seen
                print(f"ok: a nasty secret in JSON, {form}")


main()
