#!/usr/bin/env python3
"""Measures grantlint on loopback: wall time, CPU time and peak memory of a run, and start-up. Never passes or fails.

    cargo build --release && benches/run.py [--binary PATH] [--runs N] [--latency MS]...

Each number is that of the grantlint process alone, from wait4(2); the reference server is another process. See README.md.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = "coupa-call-out"


def main():
    options = arguments()
    binary = str(options.binary.resolve())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRANTLINT_")}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(binary, options.runs, environment, Path(folder))
        print(f"{machine()}; {bench.version()}; {options.runs} runs each; median (least … most)\n")
        print("| | wall, ms | CPU, ms | peak memory, MiB | exchanges | longest chain | wall / (chain × latency) |")
        print("|---|---|---|---|---|---|---|")
        bench.line("`/bin/true`", ["/bin/true"])
        bench.line("`--version`", [binary, "--version"])
        bench.line("`list`", [binary, "list"])
        for latency in options.latency or [0, 20, 100]:
            bench.check(latency)


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=target / "release/grantlint")
    parser.add_argument("--runs", type=int, default=10, help="of each line (default 10)")
    parser.add_argument("--latency", type=int, action="append", help="of the server in ms (default 0, 20 and 100)")
    options = parser.parse_args()
    if not options.binary.is_file():
        parser.error(f"{options.binary} is no program; build it with `cargo build --release`")
    if options.runs < 1:
        parser.error("--runs is at least 1")
    return options


class Bench:
    def __init__(self, binary, runs, environment, folder):
        self.binary, self.runs, self.environment, self.folder = binary, runs, environment, folder

    def version(self):
        return subprocess.check_output([self.binary, "--version"], text=True, env=self.environment).strip()

    def line(self, name, command, more=lambda wall: ("", "", "")):
        """Prints a line of the table; `more` makes its last cells from the median wall time."""
        once(command, self.environment)  # warms the page cache
        walls, cpus, peaks = zip(*(once(command, self.environment) for _ in range(self.runs)))
        cells = [spread(walls), spread(cpus), spread(peaks), *more(statistics.median(walls))]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)

    def check(self, latency):
        """A whole run against a server of its own that holds every answer back."""
        server = subprocess.Popen(
            [self.binary, "serve", "--latency", str(latency)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment,
        )
        try:
            target = self.folder / "reference.yaml"
            target.write_text(served(server.stdout))
            command = [
                self.binary, "check", "--config", str(target), "--allow-literal-secrets", "--suite", SUITE, "--quiet",
            ]
            plan = subprocess.run(command + ["--dry-run"], capture_output=True, text=True, env=self.environment, check=True)
            chain = number(r"longest chain of exchanges that wait for each other: (\d+)", plan.stdout)
            sent = number(r": (\d+) exchanges for", plan.stdout)
            ratio = lambda wall: f"{wall / (chain * latency):.2f}" if latency else "–"
            self.line(f"`check`, {latency} ms latency", command, lambda wall: (str(sent), str(chain), ratio(wall)))
        finally:
            server.terminate()
            server.wait()


def served(lines):
    """The target file that `serve` prints: a comment and one JSON object, which ends with a brace of its own line."""
    text = ""
    for line in lines:
        text += line
        if line.rstrip() == "}":
            return text
    sys.exit("the server ended before it said where it listens")


def once(command, environment):
    """Wall and CPU milliseconds and peak MiB of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
    kibibytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, kibibytes / 1024


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"`check --dry-run` does not say `{pattern}`")
    return int(found.group(1))


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} … {max(values):.1f})"


def machine():
    model = "unknown processor"
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        pass
    return f"{os.uname().sysname}, {model}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
