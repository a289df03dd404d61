"""What compare.py must tell apart, on made-up runs of the format grantlint/run-v1."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import compare


def finding(check, verdict="violation", level="MUST", **more):
    return {"check": check, "verdict": verdict, "level": level, "variant": None, "caller": None, "covers": [], **more}


PASSED = finding("rfc6749/passed", "pass")


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compare(self, expected, findings, schema="grantlint/run-v1", like=None):
        """Exit code and output for a list of expected entries (YAML text) and a list of findings."""
        (self.folder / "server.yaml").write_text(expected)
        if like is not None:
            (self.folder / "base.yaml").write_text(like)
        run = self.folder / "run.json"
        run.write_text(json.dumps({"schema": schema, "findings": findings}))
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = compare.main([str(self.folder / "server.yaml"), str(run)])
        return code, output.getvalue()

    def test_passes_need_no_entry(self):
        quiet = [PASSED, finding("a", "not_applicable"), finding("b", "not applicable")]
        self.assertEqual(self.compare("[]", quiet)[0], 0)

    def test_an_expected_violation_agrees(self):
        expected = "[{ check: a, verdict: violation, because: seen }]"
        self.assertEqual(self.compare(expected, [PASSED, finding("a")])[0], 0)

    def test_a_finding_without_an_entry_differs(self):
        code, output = self.compare("[]", [PASSED, finding("a", message="token by GET")])
        self.assertEqual((code, output.splitlines()[0]), (1, "not expected: violation a: token by GET"))

    def test_not_testable_needs_an_entry(self):
        code, output = self.compare("[]", [PASSED, finding("a", "not testable", reason="refused")])
        self.assertEqual((code, output.splitlines()[0]), (1, "not expected: not_testable a: refused"))

    def test_an_entry_that_no_longer_occurs_differs(self):
        expected = "[{ check: a, verdict: violation, because: seen }]"
        code, output = self.compare(expected, [PASSED, finding("a", "pass")])
        self.assertEqual((code, output.splitlines()[0]), (1, "no longer so: violation a, now pass"))

    def test_an_entry_for_a_check_that_did_not_run_differs(self):
        expected = "[{ check: a, verdict: violation, because: seen }]"
        self.assertIn("now not in the run", self.compare(expected, [PASSED])[1])

    def test_another_weight_is_another_verdict(self):
        expected = "[{ check: a, verdict: violation, because: seen }]"
        code, output = self.compare(expected, [PASSED, finding("a", level="SHOULD")])
        self.assertEqual(code, 1)
        self.assertIn("not expected: warning a, expected violation", output)

    def test_severity_softens_a_level(self):
        expected = "[{ check: a, verdict: note, because: seen }]"
        self.assertEqual(self.compare(expected, [PASSED, finding("a", severity="note")])[0], 0)

    def test_variant_and_caller_tell_findings_apart(self):
        expected = "[{ check: a, variant: repeated, verdict: violation, because: seen }]"
        self.assertEqual(self.compare(expected, [PASSED, finding("a", variant="repeated")])[0], 0)
        self.assertEqual(self.compare(expected, [PASSED, finding("a", variant="empty")])[0], 1)
        self.assertEqual(self.compare(expected, [PASSED, finding("a", variant="repeated", caller="Coupa")])[0], 1)

    def test_covers_speaks_of_every_check_of_a_requirement(self):
        expected = "[{ covers: r, verdict: violation, because: seen }]"
        both = [PASSED, finding("a", covers=["r"]), finding("b", covers=["q", "r"], variant="v")]
        self.assertEqual(self.compare(expected, both)[0], 0)
        self.assertEqual(self.compare(expected, [PASSED, finding("c", covers=["q"])])[0], 1)

    def test_blocked_by_speaks_of_what_one_exchange_made_not_testable(self):
        expected = "[{ blocked_by: x, verdict: not_testable, because: seen }]"
        both = [finding("a", "not_testable", blocked_by="x"), finding("b", "not_testable", blocked_by="x", variant="v")]
        self.assertEqual(self.compare(expected, [PASSED, *both])[0], 0)
        self.assertEqual(self.compare(expected, [PASSED, *both, finding("c", "not_testable", blocked_by="y")])[0], 1)
        self.assertEqual(self.compare(expected, [PASSED, *both, finding("c", blocked_by="x")])[0], 1)
        code, output = self.compare(expected, [PASSED])
        self.assertEqual((code, output.splitlines()[0]), (1, "no longer so: not_testable anything blocked by x, now not in the run"))

    def test_what_a_race_decides_may_pass_but_not_leave_the_run(self):
        expected = "[{ check: a, verdict: warning, sometimes: true, because: seen }]"
        passed = finding("a", "pass")
        self.assertEqual(self.compare(expected, [PASSED, passed])[0], 0)
        self.assertEqual(self.compare(expected, [PASSED, finding("a", level="SHOULD")])[0], 0)
        self.assertEqual(self.compare(expected, [PASSED, finding("a")])[0], 1)
        self.assertEqual(self.compare(expected, [PASSED])[0], 1)
        self.assertEqual(self.compare(expected.replace("true", "often"), [PASSED, passed])[0], 2)

    def test_an_entry_with_two_names_is_refused(self):
        self.assertEqual(self.compare("[{ check: a, covers: r, verdict: note, because: seen }]", [PASSED])[0], 2)

    def test_like_takes_over_adds_and_drops(self):
        base = "[{ check: a, verdict: note, because: seen }, { check: b, verdict: note, because: seen }]"
        expected = "{ like: base, without: [{ check: a }], findings: [{ check: c, verdict: note, because: seen }] }"
        findings = [PASSED, finding("b", level="MAY"), finding("c", level="MAY")]
        self.assertEqual(self.compare(expected, findings, like=base)[0], 0)
        self.assertEqual(self.compare("{ like: base, without: [{ check: z }] }", findings, like=base)[0], 2)

    def test_an_entry_without_a_reason_is_refused(self):
        self.assertEqual(self.compare("[{ check: a, verdict: violation }]", [PASSED, finding("a")])[0], 2)

    def test_a_misspelt_key_is_refused(self):
        expected = "[{ check: a, verdict: violation, becuase: seen }]"
        self.assertIn("unknown key becuase", self.compare(expected, [PASSED, finding("a")])[1])

    def test_a_run_that_tested_nothing_is_refused(self):
        self.assertEqual(self.compare("[]", [])[0], 2)
        self.assertEqual(self.compare("[]", [finding("a", "not_applicable")])[0], 2)

    def test_another_schema_is_refused(self):
        self.assertEqual(self.compare("[]", [PASSED], schema="grantlint/run-v2")[0], 2)


if __name__ == "__main__":
    unittest.main()
