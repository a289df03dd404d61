"""Answers prompts at a real terminal: `init` and the client secret of `check`.

    prompts.py GRANTLINT

Each run is a child with a terminal of its own, whose screen is read until the next question stands there.
"""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

GRANTLINT = os.path.abspath(sys.argv[1])
PATIENCE = 30


class Terminal:
    """A command that believes that a person sits before it."""

    def __init__(self, folder, *arguments, **environment):
        self.screen = self.seen = ""
        known = {name: value for name, value in os.environ.items() if not name.startswith(("GRANTLINT", "CI"))}
        known |= {"TERM": "xterm", "NO_COLOR": "1"} | environment
        # Held open here, so that the state of the terminal can be looked at when the child is gone.
        self.own, self.childs = pty.openpty()
        self.child = subprocess.Popen(
            [GRANTLINT, *arguments], cwd=folder, env=known, stdin=self.childs, stdout=self.childs, stderr=self.childs,
            start_new_session=True, preexec_fn=Terminal.seat,
        )

    @staticmethod
    def seat():
        """In the child: Ctrl-C is for the process that the terminal controls, and ends it, also where these tests run in a background
        that has it ignored."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def read(self, seconds):
        ready, _, _ = select.select([self.own], [], [], seconds)
        if ready:
            self.screen += os.read(self.own, 65536).decode(errors="replace")
        return bool(ready)

    def until(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.screen:
            assert time.monotonic() < end, f"`{text}` does not come, but:\n{self.screen}"
            self.read(0.2)
        return self

    def type(self, text):
        os.write(self.own, text.encode())
        return self

    def answer(self, question, text):
        self.until(question)
        # What stood there before is not the answer to what comes.
        self.seen, self.screen = self.seen + self.screen, ""
        return self.type(text + "\r")

    def hides(self):
        """Waits until what is typed is not shown, as a person does who reads the question first."""
        end = time.monotonic() + PATIENCE
        while self.echoes():
            assert time.monotonic() < end, "what is typed is shown"
            time.sleep(0.01)
        return self

    def echoes(self):
        return bool(termios.tcgetattr(self.childs)[3] & termios.ECHO)

    def ended(self):
        """The exit code; below 0 the signal that ended it."""
        end = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.screen}"
            self.read(0.05)
        while self.read(0.05):
            pass
        self.seen += self.screen
        echoes = self.echoes()
        os.close(self.own)
        os.close(self.childs)
        assert echoes, "the terminal does not echo any more"
        return self.child.returncode


def expect(found, wanted, terminal):
    assert found == wanted, f"ended with {found}, not {wanted}:\n{terminal.seen}"


def happy(folder, server):
    terminal = Terminal(folder, "init")
    terminal.answer("issuer URL", "as.example")
    # What is wrong is said at once, and asked again.
    terminal.until("did you mean `https://as.example`?").answer("issuer URL", server["origin"])
    terminal.answer("client id:", "").answer("client id:", "gl")
    terminal.answer("scope", "invoices.read")
    terminal.answer("URL of a protected resource", "")
    expect(terminal.ended(), 0, terminal)
    assert "metadata found at" in terminal.seen and "wrote grantlint.yaml" in terminal.seen, terminal.seen
    text = (folder / "grantlint.yaml").read_text()
    assert "client_id: gl" in text and "scope: invoices.read" in text and "${env:GRANTLINT_CLIENT_SECRET}" in text, text
    done = subprocess.run([GRANTLINT, "check", "--safe", "-q"], cwd=folder, capture_output=True, text=True,
                          env=os.environ | {"GRANTLINT_CLIENT_SECRET": server["secret"]})
    assert done.returncode == 0, done.stdout + done.stderr


def no_issuer(folder, server):
    terminal = Terminal(folder, "init", "other.yaml")
    terminal.answer("issuer URL", "").answer("token endpoint URL:", server["endpoint"]).answer("client id:", "gl")
    terminal.answer("scope", "").answer("URL of a protected resource", "http://127.0.0.1:9/x")
    expect(terminal.ended(), 0, terminal)
    assert "resource: {" in (folder / "other.yaml").read_text()


def end_of_input(folder, server):
    for answers in ([], ["", server["endpoint"]]):
        terminal = Terminal(folder, "init", "ended.yaml")
        for question, answer in zip(("issuer URL", "token endpoint URL"), answers):
            terminal.answer(question, answer)
        terminal.until("client id:" if answers else "issuer URL").type("\x04")
        expect(terminal.ended(), 2, terminal)
        assert "the answers ended; nothing was written" in terminal.seen, terminal.seen
        assert not list(folder.iterdir()), list(folder.iterdir())


def interrupted(folder, server):
    terminal = Terminal(folder, "init", "--issuer", server["origin"])
    terminal.answer("client id:", "gl").until("scope").type("\x03")
    expect(terminal.ended(), -signal.SIGINT, terminal)
    assert not list(folder.iterdir()), list(folder.iterdir())


def not_written_over(folder, server):
    path = folder / "grantlint.yaml"
    path.write_text("mine")
    arguments = ("init", "--token-endpoint", server["endpoint"], "--client-id", "gl", "--scope", "a", "--resource", server["endpoint"])
    for answer in ("", "n", "no", "yess"):
        terminal = Terminal(folder, *arguments).answer("write over it? [y/N]", answer)
        expect(terminal.ended(), 2, terminal)
        assert "--force" in terminal.seen and path.read_text() == "mine", terminal.seen
    terminal = Terminal(folder, *arguments).until("write over it?").type("\x04")
    expect(terminal.ended(), 2, terminal)
    terminal = Terminal(folder, *arguments).answer("write over it? [y/N]", "y")
    expect(terminal.ended(), 0, terminal)
    assert "client_id: gl" in path.read_text() and [entry.name for entry in folder.iterdir()] == ["grantlint.yaml"]


def secret_not_shown(folder, server):
    arguments = ("check", "--token-endpoint", server["endpoint"], "--client-id", "gl", "--scope", "invoices.read", "--safe", "-q")
    terminal = Terminal(folder, *arguments).until("client secret (not shown):").hides().type(server["secret"] + "\r")
    expect(terminal.ended(), 0, terminal)
    assert server["secret"] not in terminal.seen and "exit code 0" in terminal.seen, terminal.seen
    terminal = Terminal(folder, *arguments).until("client secret (not shown):").hides().type("half-a-secret\x03")
    expect(terminal.ended(), 130, terminal)
    assert "half-a-secret" not in terminal.seen, terminal.seen
    for ending in ("\x04", "\r"):
        terminal = Terminal(folder, *arguments).until("client secret (not shown):").hides().type(ending)
        expect(terminal.ended(), 2, terminal)
        assert "--client-secret-file" in terminal.seen, terminal.seen


def dumb_terminal(folder, server):
    (folder / "secret").write_text(server["secret"])
    arguments = ("check", "--token-endpoint", server["endpoint"], "--client-id", "gl", "--client-secret-file", "secret", "--safe")
    plain = Terminal(folder, *arguments, TERM="dumb", NO_COLOR="")
    expect(plain.ended(), 0, plain)
    assert "\x1b" not in plain.seen and "exchanges, token" not in plain.seen, plain.seen
    shown = Terminal(folder, *arguments, NO_COLOR="")
    expect(shown.ended(), 0, shown)
    assert "\x1b[" in shown.seen, "a terminal that can show colours is shown some"


def main():
    serving = subprocess.Popen([GRANTLINT, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        lines = []
        while not lines or lines[-1].rstrip() != "}":
            lines.append(serving.stdout.readline())
            assert lines[-1], "the reference server said nothing"
        target = json.loads("".join(line for line in lines if not line.startswith("#")))["targets"]["reference"]
        server = {"origin": target["issuer"], "endpoint": target["token_endpoint"], "secret": target["client"]["client_secret"]}
        for case in (happy, no_issuer, end_of_input, interrupted, not_written_over, secret_not_shown, dumb_terminal):
            with tempfile.TemporaryDirectory() as folder:
                case(Path(folder), server)
            print(f"ok: at a terminal: {case.__name__.replace('_', ' ')}")
    finally:
        serving.terminate()
        serving.wait()


main()
