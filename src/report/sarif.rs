//! The SARIF 2.1.0 report, for GitHub's Security tab and for viewers.
//!
//! Pure. A result points at the line of the user's target file that declares the endpoint: readers refuse URLs, and one result without
//! a place makes GitHub discard the whole file. Every check is a rule, also those that hold, so that old alerts close with their rule.
//!
//! Source: SARIF 2.1.0 (OASIS); GitHub's "SARIF support for code scanning".

mod model;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::evidence;
use super::facts::{self, Fingerprints, Point};
use super::link::Link;
use super::markdown::{escaped, linked};
use super::model::{Finding, RunReport, Severity, VerdictKind, WaiverNotice, WaiverState};
use super::text::{block, json_safe};
use model::*;

/// Where the schema of the format is.
pub const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One SARIF run for each run, indented, with a line break at the end.
#[must_use]
pub fn render(reports: &[&RunReport]) -> String {
    let mut fingerprints = Fingerprints::default();
    let mut ids = Vec::new();
    let runs = reports.iter().map(|report| run(report, &mut fingerprints, &mut ids)).collect();
    let log = Log { schema: SCHEMA, version: "2.1.0", runs };
    let mut text = serde_json::to_string_pretty(&log).expect("it has only strings as keys");
    text.push('\n');
    json_safe(&text)
}

fn run(report: &RunReport, fingerprints: &mut Fingerprints, ids: &mut Vec<String>) -> Run {
    let mut rules: IndexMap<&str, Rule> = IndexMap::new();
    for finding in &report.findings {
        rules.entry(&finding.check).or_insert_with(|| rule(finding));
    }
    rules.sort_keys();
    let is_result = |finding: &&&Finding| matches!(finding.verdict, VerdictKind::Violation | VerdictKind::Waived);
    let told = facts::told(report);
    let results = told
        .iter()
        .filter(is_result)
        .map(|finding| result(report, finding, rules.get_index_of(finding.check.as_str()), fingerprints))
        .collect();
    let counts: Map<String, Value> =
        facts::counts(&report.summary).iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
    // Two uploads of one id replace each other, so each run has its own.
    let mut id = format!("grantlint/{}/", facts::run_name(report));
    while ids.contains(&id) {
        id.insert(id.len() - 1, '\'');
    }
    ids.push(id.clone());
    Run {
        tool: Tool {
            driver: Driver {
                name: "grantlint",
                version: facts::line(&report.tool.version),
                rules: rules.into_values().collect(),
            },
        },
        automation_details: AutomationDetails { id },
        column_kind: "unicodeCodePoints",
        invocations: vec![invocation(report, &told)],
        results,
        properties: json!({
            "target": facts::line(facts::target(report, "name")),
            "token_endpoint": facts::line(facts::target(report, "token_endpoint")),
            "suites": report.suites.iter().map(|suite| facts::line(suite)).collect::<Vec<_>>(),
            "counts": counts,
        }),
    }
}

fn rule(finding: &Finding) -> Rule {
    let title = not_empty(&finding.title, &finding.check);
    let why = not_empty(&finding.why, &finding.title);
    let fix = not_empty(&finding.fix, "See `grantlint explain`.");
    let sources: Vec<String> = finding.sources.iter().map(|source| facts::line(source)).collect();
    let requirement = format!("{}, {}", sources.join(", "), facts::line(&finding.level));
    let markdown = format!(
        "**Requirement:** {} ({})\n\n**Why:** {}\n\n**Fix:** {}\n\nMore: `grantlint explain {}`",
        linked(&finding.sources),
        escaped(&finding.level),
        escaped(&why),
        escaped(&fix),
        facts::line(&finding.check).replace('`', "'"),
    );
    let document = finding.check.split('/').next().unwrap_or_default();
    let (level, problem) = match finding.severity {
        Severity::Error => (Level::Error, "error"),
        Severity::Warning => (Level::Warning, "warning"),
        Severity::Note => (Level::Note, "recommendation"),
    };
    Rule {
        id: not_empty(&finding.check, "grantlint"),
        short_description: Message { text: title },
        full_description: Message { text: why },
        help: Help { text: format!("{requirement}. {fix}"), markdown },
        help_uri: finding.sources.iter().find_map(|source| Link::to(source).url),
        default_configuration: Configuration { level },
        properties: json!({
            "tags": ["oauth", facts::line(document)], "precision": "high", "problem.severity": problem,
        }),
    }
}

fn result(report: &RunReport, finding: &Finding, rule: Option<usize>, fingerprints: &mut Fingerprints) -> SarifResult {
    let fingerprint = fingerprints.of(report, finding);
    let level = match finding.severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Note,
    };
    let mut lines = vec![format!("{} ({})", not_empty(&finding.title, &finding.check), facts::name(finding))];
    lines.extend(facts::says(finding));
    lines.extend(Some(facts::asked(report, finding)).filter(|asked| !asked.is_empty()));
    let waived = finding.verdict == VerdictKind::Waived;
    let first = finding.mismatches.first().map(|mismatch| &mismatch.exchange).or(finding.exchanges.first());
    let document = first.and_then(|key| report.exchanges.get(key));
    SarifResult {
        rule_id: not_empty(&finding.check, "grantlint"),
        rule_index: rule,
        level,
        kind: "fail",
        message: Message { text: unlinked(&lines.join("\n")) },
        locations: vec![location(report, finding)],
        partial_fingerprints: IndexMap::from([
            // GitHub takes this one; its own would make all findings of a check on one line one alert.
            ("primaryLocationLineHash", fingerprint.clone()),
            ("grantlint/v1", fingerprint),
        ]),
        baseline_state: match finding.baseline.as_deref() {
            Some("known") => Some("unchanged"),
            Some("new") => Some("new"),
            _ => None,
        },
        suppressions: waived.then(|| vec![suppression(finding)]),
        web_request: document.and_then(web_request),
        web_response: document.and_then(web_response),
        properties: json!({
            "level": facts::line(&finding.level),
            "variant": finding.variant.as_deref().map(facts::line),
            "caller": finding.caller.as_deref().map(facts::line),
            "callerSees": finding.caller_sees.as_deref().map(facts::line),
            "covers": finding.covers.iter().map(|row| facts::line(row)).collect::<Vec<_>>(),
            "reproduce": finding.reproduce.as_deref().map(|line| block(line, 20, 4_000)),
        }),
    }
}

fn suppression(finding: &Finding) -> Suppression {
    let waiver = finding.waiver.as_ref().unwrap_or(&Value::Null);
    let line = waiver["line"].as_u64().and_then(|line| usize::try_from(line).ok()).filter(|line| *line > 0);
    let file = waiver["file"].as_str().filter(|file| !file.is_empty());
    let physical = file.zip(line).map(|(file, line)| {
        let notice = WaiverNotice {
            state: WaiverState::Ending,
            check: String::new(),
            variant: None,
            until: String::new(),
            file: file.to_owned(),
            line,
            says: String::new(),
        };
        Location { physical_location: Some(physical(&facts::point_of_waiver(&notice))), logical_locations: None }
    });
    Suppression {
        kind: "external",
        status: "accepted",
        justification: facts::waiver(finding).unwrap_or_else(|| "waived".to_owned()),
        location: physical,
    }
}

/// The line of the target file, and the endpoint as a thing of its own.
fn location(report: &RunReport, finding: &Finding) -> Location {
    let request = finding.exchanges.first().and_then(|key| report.exchanges.get(key)).map(evidence::request_line);
    let name = not_empty(facts::target(report, "name"), "target");
    let asked = request.filter(|request| !request.is_empty());
    let asked = asked.unwrap_or_else(|| facts::line(facts::target(report, "token_endpoint")));
    Location {
        physical_location: facts::point(report, finding).map(|point| physical(&point)),
        logical_locations: Some(vec![LogicalLocation {
            fully_qualified_name: format!("{name}: {asked}"),
            name,
            kind: "resource",
        }]),
    }
}

fn physical(point: &Point) -> PhysicalLocation {
    PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri(&point.file) },
        region: Region {
            start_line: point.place.line,
            start_column: point.place.column,
            end_line: point.place.line,
            end_column: point.place.end_column,
        },
    }
}

/// A path as a relative reference: a sentence with spaces is no URI, and a colon in the first segment would make a scheme.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let encoded: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' | b'=' | b',' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    // Two slashes at the start would name a host.
    let encoded = if encoded.starts_with("//") { format!("/.{encoded}") } else { encoded };
    if encoded.is_empty() { ".".to_owned() } else { encoded }
}

fn invocation(report: &RunReport, told: &[&Finding]) -> Invocation {
    let notification = |level: Level, id: &'static str, text: String, point: Option<Point>| Notification {
        level,
        message: Message { text: unlinked(&text) },
        descriptor: Descriptor { id },
        locations: point
            .map(|point| vec![Location { physical_location: Some(physical(&point)), logical_locations: None }]),
    };
    let untested = told.iter().filter(|finding| finding.verdict == VerdictKind::NotTestable).map(|finding| {
        let lines = [vec![format!("{}: not testable", facts::name(finding))], facts::says(finding)].concat();
        notification(Level::Error, "not-testable", lines.join("\n"), facts::point(report, finding))
    });
    let waivers = report.waivers.iter().map(|notice| {
        notification(Level::Warning, "waiver", facts::line(&notice.says), Some(facts::point_of_waiver(notice)))
    });
    let says = report.diagnosis.iter().map(|diagnosis| {
        let text = format!("{}; next: {}", facts::line(&diagnosis.says), facts::line(&diagnosis.next));
        notification(Level::Note, "diagnosis", text, None)
    });
    Invocation {
        execution_successful: matches!(report.exit.code, 0 | 1) && report.summary.not_testable == 0,
        exit_code: report.exit.code,
        exit_code_description: facts::line(&report.exit.meaning),
        start_time_utc: facts::started(report).and_then(|at| at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()),
        tool_execution_notifications: untested.chain(waivers).chain(says).collect(),
    }
}

/// The single exchange that a document shows first.
fn part(document: &Value) -> &Value {
    ["all", "steps"].iter().find_map(|list| document.get(list)?.get(0)).unwrap_or(document)
}

fn headers(part: &Value) -> IndexMap<String, String> {
    let mut all: IndexMap<String, String> = IndexMap::new();
    for (name, value) in evidence::headers(&part["headers"]) {
        let known = all.entry(facts::line(name)).or_default();
        if !known.is_empty() {
            known.push_str(", ");
        }
        known.push_str(&facts::line(value));
    }
    all
}

fn web_request(document: &Value) -> Option<WebRequest> {
    let request = part(document).get("request")?.as_object().map(|_| &part(document)["request"])?;
    Some(WebRequest {
        protocol: "HTTP",
        method: facts::line(request["method"].as_str()?),
        target: facts::line(request["url"].as_str()?),
        headers: headers(request),
        body: request["body"].as_str().filter(|body| !body.is_empty()).map(|body| Content { text: shortened(body) }),
    })
}

fn web_response(document: &Value) -> Option<WebResponse> {
    let response = part(document).get("response")?.as_object().map(|_| &part(document)["response"])?;
    Some(WebResponse {
        protocol: "HTTP",
        version: response["http_version"].as_str().map(facts::line),
        status_code: response["status"].as_u64()?,
        headers: headers(response),
        body: response["body"]["text"]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(|text| Content { text: shortened(text) }),
    })
}

fn shortened(text: &str) -> String {
    block(text, 40, 2_000)
}

/// Viewers make links of `[text](target)` in messages, and a server's text may not.
fn unlinked(text: &str) -> String {
    text.replace("](", "] (")
}

fn not_empty(text: &str, otherwise: &str) -> String {
    let line = facts::line(text);
    if line.trim().is_empty() { facts::line(otherwise) } else { line }
}
