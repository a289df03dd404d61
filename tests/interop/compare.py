#!/usr/bin/env python3
"""Compares the findings of a run with the list of those that were confirmed by hand.

    compare.py EXPECTED.yaml RUN.json

An expected list is a list of entries, or `{ like: NAME, without: [entry…], findings: [entry…] }` for a run that differs
little from that of NAME.yaml beside it. An entry says

    check:    id of the check, or
    covers:   id of a requirement; the entry then speaks of every finding that covers it, or
    blocked_by: id of an exchange that does not work; the entry then speaks of every finding that is not testable for that reason
    variant:  where the finding has one; with covers it may be left out, which means all of them
    caller:   where the finding has one
    verdict:  violation | warning | note | not_testable
    sometimes: true where a race decides whether the finding occurs at all; the entry may then be missing from the run's findings
    because:  what was sent, what came back, and which sentence says otherwise; or the maintainers' reason

Exit code 0: each finding that is no pass is expected, and each entry that is not marked `sometimes` occurs. 1: not so. 2: an input cannot be used.
"""

import json
import sys
from pathlib import Path

import yaml

EXPECTABLE = ("violation", "warning", "note", "not_testable")
QUIET = ("pass", "not_applicable", "left_out")
OF_SEVERITY = {"error": "violation", "warning": "warning", "note": "note"}
OF_LEVEL = {
    "MUST": "violation", "MUST NOT": "violation", "GRAMMAR": "violation",
    "SHOULD": "warning", "SHOULD NOT": "warning", "MAY": "note",
}  # fmt: skip
NAMES = ("check", "covers", "blocked_by")
ENTRY_KEYS = {*NAMES, "variant", "caller", "verdict", "sometimes", "because"}


class Unusable(Exception):
    """An input from which no comparison can be made."""


def verdict_of(finding):
    """The verdict, with a violation's weight: its severity if it has one, otherwise what its level stands for."""
    verdict = str(finding["verdict"]).replace(" ", "_").replace("-", "_")
    if verdict != "violation":
        return verdict
    if finding.get("severity") is not None:
        return OF_SEVERITY.get(finding["severity"], finding["severity"])
    return OF_LEVEL.get(finding.get("level"), verdict)


def speaks_of(entry, finding):
    """Whether the entry means this finding, whatever the verdict."""
    if entry.get("caller") != finding.get("caller"):
        return False
    if "blocked_by" in entry:
        return entry["blocked_by"] == finding.get("blocked_by") and verdict_of(finding) == "not_testable"
    if "check" in entry:
        return entry["check"] == finding["check"] and entry.get("variant") == finding.get("variant")
    return entry["covers"] in finding.get("covers", []) and entry.get("variant") in (None, finding.get("variant"))


def label(thing):
    name = thing.get("check") or (
        f"anything that covers {thing['covers']}" if "covers" in thing else f"anything blocked by {thing['blocked_by']}"
    )
    if thing.get("variant"):
        name += f"[{thing['variant']}]"
    if thing.get("caller"):
        name += f" @{thing['caller']}"
    return name


def checked_entry(entry, where, verdict_needed=True):
    if not isinstance(entry, dict):
        raise Unusable(f"{where}: an entry is a mapping, not {entry!r}")
    if unknown := set(entry) - ENTRY_KEYS:
        raise Unusable(f"{where}: unknown key {', '.join(sorted(unknown))}")
    if sum(name in entry for name in NAMES) != 1:
        raise Unusable(f"{where}: an entry has one of {', '.join(NAMES)}: {entry!r}")
    if verdict_needed:
        if entry.get("verdict") not in EXPECTABLE:
            raise Unusable(f"{where}: {label(entry)}: verdict is one of {', '.join(EXPECTABLE)}")
        if not isinstance(entry.get("sometimes", False), bool):
            raise Unusable(f"{where}: {label(entry)}: sometimes is true or false")
        if not str(entry.get("because") or "").strip():
            raise Unusable(f"{where}: {label(entry)}: because is missing")
    return entry


def expected_entries(path):
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Unusable(f"{path}: {error}") from error
    content = [] if content is None else content
    if isinstance(content, list):
        content = {"findings": content}
    if not isinstance(content, dict) or set(content) - {"like", "without", "findings"}:
        raise Unusable(f"{path}: neither a list of entries nor a mapping of like, without and findings")

    entries = expected_entries(path.with_name(f"{content['like']}.yaml")) if "like" in content else []
    for dropped in content.get("without") or []:
        checked_entry(dropped, path, verdict_needed=False)
        kept = [entry for entry in entries if label(entry) != label(dropped)]
        if len(kept) == len(entries):
            raise Unusable(f"{path}: without: {content.get('like')} has no entry {label(dropped)}")
        entries = kept
    return entries + [checked_entry(entry, path) for entry in content.get("findings") or []]


def findings_of(path):
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path}: {error}") from error
    if not isinstance(run, dict) or run.get("schema") != "grantlint/run-v1":
        raise Unusable(f"{path}: not a run of schema grantlint/run-v1")
    findings = run.get("findings")
    # A run in which nothing passed tested nothing; it must not look like agreement.
    if not findings or not any(verdict_of(finding) == "pass" for finding in findings):
        raise Unusable(f"{path}: nothing passed, so there is nothing to compare")
    return findings


def differences(entries, findings):
    """One line for each finding without an entry and for each entry without a finding, in the order of the inputs."""
    lines, used = [], set()
    for finding in findings:
        verdict = verdict_of(finding)
        if verdict in QUIET:
            continue
        meant = [index for index, entry in enumerate(entries) if speaks_of(entry, finding)]
        fitting = [index for index in meant if entries[index]["verdict"] == verdict]
        used.update(fitting)
        if not fitting:
            instead = f", expected {entries[meant[0]]['verdict']}" if meant else ""
            message = finding.get("message") or finding.get("reason") or finding.get("title") or ""
            lines.append(f"not expected: {verdict} {label(finding)}{instead}: {message}".rstrip(": "))
    for index, entry in enumerate(entries):
        if index in used:
            continue
        now = sorted({verdict_of(finding) for finding in findings if speaks_of(entry, finding)})
        # A check that is no longer in the run is no race.
        if not (entry.get("sometimes") and now):
            lines.append(f"no longer so: {entry['verdict']} {label(entry)}, now {', '.join(now) or 'not in the run'}")
    return lines


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    expected, run = map(Path, arguments)
    try:
        entries, findings = expected_entries(expected), findings_of(run)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    lines = differences(entries, findings)
    for line in lines:
        print(line)
    verdicts = [verdict_of(finding) for finding in findings]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(sorted(verdicts)))
    print(f"{expected.stem}: {'as expected' if not lines else f'{len(lines)} differences'} ({counts})")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
