//! One awkward run that every writer is tested on: each verdict, severity, caller and variant, and text that bites.

use grantlint::report::model::*;
use indexmap::IndexMap;
use serde_json::json;

use crate::exchanges::exchanges;

/// What a hostile server would send.
pub const HOSTILE: &str = "<&\"'>]]>\n::error::pwned\n##[group]x ##vso[task.complete]\nsection_start:1:a\r\u{1b}[0K\u{0}\u{1b}]0;title\u{7}\u{9b}31m\u{202e}gnp\u{200b}🦀";

/// The run.
pub fn run() -> RunReport {
    let findings = findings();
    RunReport {
        schema: "grantlint/run-v1".into(),
        tool: Tool { name: "grantlint".into(), version: "0.1.0".into() },
        started: "2026-11-21T09:30:15.789Z".into(),
        elapsed_ms: 812,
        target: IndexMap::from([
            ("name".to_owned(), json!("sandbox")),
            ("token_endpoint".to_owned(), json!("https://as.example/oauth/token")),
        ]),
        suites: vec!["coupa-call-out".into()],
        exit: Exit { code: 1, meaning: "a violation at or above the gate (must)".into(), fail_on: FailOn::Must, fail_on_stale: false, no_waivers: false },
        summary: summary(&findings),
        findings,
        answers: Answers {
            conforms: IndexMap::from([
                ("RFC 6749".to_owned(), answer("no", 3, 1, 2)),
                ("RFC 7617".to_owned(), answer("yes", 0, 1, 0)),
                ("RFC 7009".to_owned(), answer("not known", 0, 0, 2)),
            ]),
            works_for: IndexMap::from([("Coupa call-out".to_owned(), answer("no", 1, 0, 0))]),
        },
        preflight: Preflight {
            passed: true,
            steps: vec![PreflightStep { step: "ordinary request".into(), passed: true, detail: "a token after 41 ms".into() }],
        },
        controls: IndexMap::from([
            ("token.client_credentials".to_owned(), "held".to_owned()),
            ("token.refresh_token".to_owned(), "throttled (429)".to_owned()),
        ]),
        left_out: vec![
            LeftOut { exchange: "token.flood".into(), reason: "--safe".into() },
            LeftOut { exchange: "token.revoked".into(), reason: "--safe".into() },
        ],
        diagnosis: vec![Diagnosis {
            says: "the endpoint crashes on requests it does not expect, which is more likely a gateway than the server behind it".into(),
            next: "ask the owner for the gateway's log of the request in question".into(),
            checks: vec!["rfc6749/error-is-no-oauth-error".into()],
        }],
        exchanges: exchanges(),
        source: Some(Source {
            file: "ci/grant lint.yaml".into(),
            places: IndexMap::from([
                (String::new(), Place { line: 4, column: 3, end_column: 11 }),
                ("token_endpoint".to_owned(), Place { line: 6, column: 5, end_column: 51 }),
                ("revocation_endpoint".to_owned(), Place { line: 7, column: 5, end_column: 57 }),
            ]),
        }),
        shard: None,
        waivers: vec![WaiverNotice {
            state: WaiverState::Stale,
            check: "rfc6749/grant-type-not-required".into(),
            variant: None,
            until: "2027-01-31".into(),
            file: "ci/waivers.yaml".into(),
            line: 7,
            says: "ci/waivers.yaml:7: the waiver of `rfc6749/grant-type-not-required` is stale: the check passes, take it out".into(),
        }],
    }
}

/// A run that ended in the preflight.
pub fn stopped() -> RunReport {
    let mut report = run();
    report.findings.retain(|finding| finding.verdict == VerdictKind::NotTestable);
    report.summary = summary(&report.findings);
    report.exit = Exit {
        code: 3,
        meaning: "something is not testable, or the run is incomplete".into(),
        fail_on: FailOn::Must,
        fail_on_stale: false,
        no_waivers: false,
    };
    report.answers.works_for.clear();
    report.answers.conforms.retain(|document, _| document == "RFC 7009");
    report.preflight = Preflight {
        passed: false,
        steps: vec![
            PreflightStep { step: "name".into(), passed: true, detail: "as.example is 192.0.2.7".into() },
            PreflightStep { step: "ordinary request".into(), passed: false, detail: format!("404 with {HOSTILE}") },
        ],
    };
    report.controls.clear();
    report.left_out.clear();
    report
}

/// The counts that belong to findings, as the engine makes them.
pub fn summary(findings: &[Finding]) -> Summary {
    let mut summary = Summary { checks: findings.len(), exchanges: exchanges().len(), ..Summary::default() };
    for finding in findings {
        *match (finding.verdict, finding.severity) {
            (VerdictKind::Pass, _) => &mut summary.pass,
            (VerdictKind::Violation, Severity::Error) => &mut summary.violation,
            (VerdictKind::Violation, Severity::Warning) => &mut summary.warning,
            (VerdictKind::Violation, Severity::Note) => &mut summary.note,
            (VerdictKind::NotApplicable, _) => &mut summary.not_applicable,
            (VerdictKind::NotTestable, _) => &mut summary.not_testable,
            (VerdictKind::LeftOut, _) => &mut summary.left_out,
            (VerdictKind::Waived, _) => &mut summary.waived,
        } += 1;
    }
    summary
}

/// A finding with nothing remarkable in it.
pub fn finding(check: &str, verdict: VerdictKind, severity: Severity) -> Finding {
    let level = match severity {
        Severity::Error => "MUST",
        Severity::Warning => "SHOULD",
        Severity::Note => "MAY",
    };
    Finding {
        check: check.into(),
        variant: None,
        verdict,
        level: level.into(),
        severity,
        title: format!("the flaw of {check}"),
        sources: vec!["RFC 6749 §5.1".into()],
        covers: vec!["rfc6749-5.1-row".into()],
        message: String::new(),
        mismatches: Vec::new(),
        exchanges: vec!["token.client_credentials".into()],
        why: "Clients rely on it.".into(),
        fix: "Do as the standard says.".into(),
        reproduce: None,
        caller: None,
        caller_sees: None,
        blocked_by: None,
        reason: None,
        waiver: None,
        baseline: None,
    }
}

fn findings() -> Vec<Finding> {
    use Severity::{Error, Note, Warning};
    use VerdictKind::{LeftOut, NotApplicable, NotTestable, Pass, Violation, Waived};
    let curl = "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -H 'accept: application/json' -d 'grant_type=client_credentials' -d 'scope=invoices.read invoices.write' https://as.example/oauth/token";
    let cached = Finding {
        title: "token response may be cached".into(),
        message: "the answer with the token lacks `no-store`".into(),
        mismatches: vec![mismatch("token.client_credentials", "/response/cache_control", "the directive no-store", "`max-age=60`")],
        fix: "Send `Cache-Control: no-store` on every response that carries a token, also on those that a gateway or a content delivery network passes on.".into(),
        reproduce: Some(curl.into()),
        ..finding("rfc6749/token-response-cacheable", Violation, Error)
    };
    let token_type = Finding {
        title: "the token type is not one the client knows".into(),
        message: "`token_type` is `mac`".into(),
        mismatches: vec![mismatch(
            "token.client_credentials",
            "/response/json/token_type",
            "`Bearer`\n`bearer`, in any case",
            "`mac`",
        )],
        reproduce: Some(curl.into()),
        ..finding("rfc6749/token-type-not-bearer", Violation, Error)
    };
    let crash = |variant: &str| Finding {
        variant: Some(variant.into()),
        title: "a refusal is no OAuth error".into(),
        mismatches: vec![mismatch(
            &format!("token.wrong-secret[{variant}]"),
            "/answer",
            "an OAuth error object",
            "a crash (500) with an HTML page",
        )],
        exchanges: vec![format!("token.wrong-secret[{variant}]")],
        sources: vec!["RFC 6749 §5.2".into()],
        ..finding("rfc6749/error-is-no-oauth-error", Violation, Error)
    };
    let untested = |check: &str, blocked: &str, reason: &str| Finding {
        blocked_by: Some(blocked.into()),
        reason: Some(reason.into()),
        exchanges: vec!["token.code-replayed".into()],
        sources: vec!["RFC 7009 §2".into()],
        ..finding(check, NotTestable, Error)
    };
    vec![
        Finding {
            caller: Some("Coupa call-out".into()),
            title: "a JSON body is not taken".into(),
            mismatches: vec![mismatch("token.json-body", "/response/status", "200", "415")],
            exchanges: vec!["token.json-body".into()],
            caller_sees: Some("“Failed to get OAuth token” in the integration run, with no further detail.".into()),
            sources: vec!["Coupa call-out authentication".into()],
            baseline: Some("known".into()),
            ..finding("coupa/call-out/json-body-refused", Violation, Error)
        },
        crash("basic"),
        crash("post"),
        Finding {
            verdict: Waived,
            waiver: Some(
                json!({ "reason": "gateway upgrade planned, ticket PAY-1432", "until": "2027-01-31", "approved_by": "security@example.test" }),
            ),
            ..finding("rfc6749/expires-in-missing", Waived, Warning)
        },
        finding("rfc6749/grant-type-not-required", Pass, Error),
        Finding {
            variant: Some(HOSTILE.into()),
            title: HOSTILE.into(),
            message: HOSTILE.into(),
            mismatches: vec![
                mismatch("token.hostile", "/response/headers/x-evil/0", HOSTILE, HOSTILE),
                mismatch("token.hostile", "/response/json/scope", HOSTILE, HOSTILE),
                mismatch("token.hostile", HOSTILE, HOSTILE, HOSTILE),
            ],
            exchanges: vec!["token.hostile".into(), HOSTILE.into()],
            sources: vec![HOSTILE.into()],
            why: HOSTILE.into(),
            fix: HOSTILE.into(),
            reproduce: Some(HOSTILE.into()),
            caller: Some(HOSTILE.into()),
            caller_sees: Some(HOSTILE.into()),
            ..finding("rfc6749/hostile", Violation, Error)
        },
        Finding {
            reason: Some("the target does not claim refresh_token".into()),
            ..finding("rfc6749/refresh-token-not-bound", NotApplicable, Error)
        },
        Finding {
            message: "WWW-Authenticate is missing from a 401".into(),
            mismatches: vec![mismatch("token.hostile", "/response/challenges/0/scheme", "a challenge", "nothing")],
            exchanges: vec!["token.hostile".into()],
            ..finding("rfc6749/refusal-without-challenge", Violation, Warning)
        },
        cached.clone(),
        Finding { caller: Some("Coupa call-out".into()), caller_sees: Some("Nothing.".into()), ..cached },
        Finding {
            message: "two members differ".into(),
            mismatches: vec![
                mismatch("token.repeated", "/all/1/response/json/access_token", "a new token", "`xxxxXX`"),
                mismatch("token.repeated", "/all/1/response/json/nested/b/0", "a number", "a string"),
            ],
            exchanges: vec!["token.repeated".into()],
            ..finding("rfc6749/token-repeated", Violation, Note)
        },
        token_type,
        untested("rfc7009/refusal-unclear", "token.client_credentials", "not sent: the ordinary request is refused"),
        untested("rfc7009/token-not-revoked", "token.client_credentials", "not sent: the ordinary request is refused"),
        Finding {
            exchanges: vec!["token.timed-out".into()],
            ..untested(
                "rfc7009/type-hint-required",
                "token.timed-out",
                "the answer proves nothing: no answer within 10 s",
            )
        },
        Finding {
            reason: Some("not exercised: this id and secret encode alike in both alphabets".into()),
            ..finding("rfc7617/one-alphabet-only", NotApplicable, Error)
        },
        Finding {
            reason: Some("left out by --safe".into()),
            ..finding("rfc9700/flood-not-throttled", LeftOut, Warning)
        },
    ]
}

fn mismatch(exchange: &str, at: &str, expected: &str, actual: &str) -> Mismatch {
    Mismatch { exchange: exchange.into(), at: at.into(), expected: expected.into(), actual: actual.into() }
}

fn answer(answer: &str, violations: usize, warnings: usize, not_testable: usize) -> Answer {
    Answer { answer: answer.into(), violations, warnings, not_testable }
}
