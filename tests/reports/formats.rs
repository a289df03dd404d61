//! SARIF, GitHub, GitLab, Markdown and HAR: as their schemas and their readers want them, and alike in what they count.

use std::collections::{BTreeMap, HashSet};

use grantlint::report::json::render_all as json_report;
use grantlint::report::model::{RunReport, Severity, VerdictKind};
use grantlint::report::{github, gitlab, har, markdown, sarif};
use jsonschema::Validator;
use serde_json::Value;

use crate::fixture::{run, stopped};

/// A validator of one of the schemas beside this file.
pub fn schema(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).expect("it is JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("it is a schema")
}

pub fn sarif_schema() -> Validator {
    schema(include_str!("schemas/sarif-2.1.0.schema.json"))
}

pub fn har_schema() -> Validator {
    schema(include_str!("schemas/har-1.2.schema.json"))
}

pub fn gitlab_schema() -> Validator {
    schema(include_str!("schemas/gitlab-code-quality.schema.json"))
}

/// The document, valid.
pub fn valid(validator: &Validator, text: &str) -> Value {
    assert!(!text.starts_with('\u{feff}') && text.ends_with('\n'));
    let document: Value = serde_json::from_str(text).expect("it is JSON");
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    document
}

#[test]
fn sarif_has_everything() {
    insta::assert_snapshot!("sarif", sarif::render(&[&run()]));
}

#[test]
fn gitlab_has_everything() {
    insta::assert_snapshot!("gitlab", gitlab::render(&[&run()]));
}

#[test]
fn github_has_the_worst_ten_and_the_counts() {
    insta::assert_snapshot!("github", github::render(&[&run()]));
}

#[test]
fn markdown_has_everything() {
    insta::assert_snapshot!("markdown", markdown::render(&[&run()]));
}

#[test]
fn har_has_every_request() {
    insta::assert_snapshot!("har", har::render(&[&run()]));
}

/// GitHub's rules beyond the schema.
pub fn github_takes(document: &Value) {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let mut ids = HashSet::new();
    let mut fingerprints = HashSet::new();
    for run in document["runs"].as_array().expect("runs") {
        assert!(text(&run["tool"]["driver"]["name"]));
        assert!(ids.insert(run["automationDetails"]["id"].clone()), "two runs share an id");
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        for rule in rules {
            for member in ["/id", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
                assert!(rule.pointer(member).is_some_and(text), "{member} of {rule}");
            }
            assert!(rule["properties"]["tags"].as_array().expect("tags").len() <= 20);
        }
        for result in run["results"].as_array().expect("results") {
            assert!(text(&result["message"]["text"]));
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().expect("a rule")).expect("small")];
            assert_eq!(rule["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().expect("a file");
            assert!(!uri.contains(':') && !uri.contains(' ') && !uri.starts_with("//"), "{uri}");
            for member in ["startLine", "startColumn", "endLine", "endColumn"] {
                assert!(place["region"][member].as_u64().is_some_and(|n| n > 0), "{member} of {place}");
            }
            assert!(place["region"]["endColumn"].as_u64() > place["region"]["startColumn"].as_u64());
            let fingerprint = &result["partialFingerprints"]["primaryLocationLineHash"];
            assert!(text(fingerprint));
            assert!(fingerprints.insert(fingerprint.clone()), "two results share a fingerprint");
        }
    }
}

#[test]
fn sarif_is_valid_and_github_takes_it() {
    let schema = sarif_schema();
    for reports in [vec![], vec![run()], vec![stopped()], vec![run(), run(), stopped()]] {
        let reports: Vec<&RunReport> = reports.iter().collect();
        github_takes(&valid(&schema, &sarif::render(&reports)));
    }
}

#[test]
fn a_result_points_at_the_line_of_its_endpoint() {
    let mut report = run();
    report.exchanges["token.timed-out"]["request"]["endpoint"] = "revocation_endpoint".into();
    report.findings.iter_mut().for_each(|finding| {
        if finding.check == "rfc7009/type-hint-required" {
            finding.verdict = VerdictKind::Violation;
        }
    });
    let document = valid(&sarif_schema(), &sarif::render(&[&report]));
    let results = document["runs"][0]["results"].as_array().expect("results");
    let line = |check: &str| {
        let result = results.iter().find(|result| result["ruleId"] == check).expect("it is a result");
        result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64()
    };
    assert_eq!(line("rfc6749/token-type-not-bearer"), Some(6));
    assert_eq!(line("rfc7009/type-hint-required"), Some(7));
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "ci/grant%20lint.yaml",
        "a path is a URI"
    );
}

#[test]
fn without_a_file_the_endpoint_is_a_logical_location() {
    let report = RunReport { source: None, ..run() };
    let document = valid(&sarif_schema(), &sarif::render(&[&report]));
    let location = &document["runs"][0]["results"][0]["locations"][0];
    assert!(location.get("physicalLocation").is_none());
    assert_eq!(location["logicalLocations"][0]["name"], "sandbox");
    let issues = valid(&gitlab_schema(), &gitlab::render(&[&report]));
    assert_eq!(issues[0]["location"]["path"], "grantlint.yaml");
    assert!(!github::render(&[&report]).contains("token_endpoint"));
}

#[test]
fn gitlab_and_har_are_valid() {
    let (gitlab_schema, har_schema) = (gitlab_schema(), har_schema());
    for reports in [vec![], vec![run()], vec![run(), run(), stopped()]] {
        let reports: Vec<&RunReport> = reports.iter().collect();
        let issues = valid(&gitlab_schema, &gitlab::render(&reports));
        let fingerprints: HashSet<&Value> =
            issues.as_array().expect("a list").iter().map(|issue| &issue["fingerprint"]).collect();
        assert_eq!(fingerprints.len(), issues.as_array().expect("a list").len());
        valid(&har_schema, &har::render(&reports));
    }
}

#[test]
fn fingerprints_do_not_hang_on_texts_lines_or_what_else_was_found() {
    let mut other = run();
    other.findings.retain(|finding| finding.verdict == VerdictKind::Violation);
    for finding in &mut other.findings {
        finding.message = "said otherwise".into();
        finding.mismatches.clear();
    }
    other
        .source
        .as_mut()
        .expect("it has one")
        .places
        .insert("token_endpoint".into(), run().source.expect("one").places[""]);
    let of = |report: &RunReport| -> BTreeMap<String, String> {
        let issues: Value = serde_json::from_str(&gitlab::render(&[report])).expect("it is JSON");
        let issues = issues.as_array().expect("a list").iter();
        issues
            .filter(|issue| {
                issue["severity"] == "major" && issue["description"].as_str().expect("text").contains("json-body")
            })
            .map(|issue| (issue["check_name"].to_string(), issue["fingerprint"].to_string()))
            .collect()
    };
    assert_eq!(of(&run()), of(&other));
    assert_eq!(of(&run()).len(), 1);
}

#[test]
fn what_is_known_and_what_is_waived_is_said() {
    let document: Value = serde_json::from_str(&sarif::render(&[&run()])).expect("it is JSON");
    let results = document["runs"][0]["results"].as_array().expect("results");
    let waived: Vec<&Value> = results.iter().filter(|result| result.get("suppressions").is_some()).collect();
    assert_eq!(waived.len(), 1);
    assert_eq!(waived[0]["suppressions"][0]["status"], "accepted");
    assert!(waived[0]["suppressions"][0]["justification"].as_str().expect("text").contains("PAY-1432"));
    let known: Vec<&Value> = results.iter().filter(|result| result["baselineState"] == "unchanged").collect();
    assert_eq!(known[0]["ruleId"], "coupa/call-out/json-body-refused");
    let text = markdown::render(&[&run()]);
    assert!(text.contains("PAY-1432, until 2027-01-31, approved by"), "{text}");
    let mut short = run();
    short.findings.retain(|finding| finding.baseline.is_some());
    assert!(github::render(&[&short]).contains("(known in the baseline)"));
}

#[test]
fn a_waiver_to_look_at_is_told_with_its_line_in_every_format() {
    let report = run();
    let says = &report.waivers[0].says;
    for text in [sarif::render(&[&report]), gitlab::render(&[&report]), json_report(&[&report])] {
        assert!(text.contains(says.as_str()), "{text}");
    }
    assert!(github::render(&[&report]).contains("::warning file=ci/waivers.yaml,line=7,"));
    assert!(markdown::render(&[&report]).contains("stale: ci/waivers.yaml:7"));
    let document: Value = serde_json::from_str(&sarif::render(&[&report])).expect("it is JSON");
    let notifications = document["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().expect("some");
    let waiver = notifications.iter().find(|one| one["descriptor"]["id"] == "waiver").expect("it is told");
    assert_eq!(waiver["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
}

/// The counts that a document of each format has, by the model's own.
pub fn counts_agree(report: &RunReport) {
    let summary = &report.summary;
    let count = |verdict: VerdictKind, severity: Option<Severity>| {
        let of = report.findings.iter().filter(|finding| finding.verdict == verdict);
        of.filter(|finding| severity.is_none_or(|severity| finding.severity == severity)).count()
    };
    assert_eq!(summary.violation, count(VerdictKind::Violation, Some(Severity::Error)));

    let document: Value = serde_json::from_str(&sarif::render(&[report])).expect("it is JSON");
    let run = &document["runs"][0];
    let results = run["results"].as_array().expect("results");
    let of = |level: &str| {
        results.iter().filter(|result| result["level"] == level && result.get("suppressions").is_none()).count()
    };
    assert_eq!((of("error"), of("warning"), of("note")), (summary.violation, summary.warning, summary.note));
    assert_eq!(results.iter().filter(|result| result.get("suppressions").is_some()).count(), summary.waived);
    let notifications = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications");
    let untested = notifications.iter().filter(|one| one["descriptor"]["id"] == "not-testable").count();
    assert_eq!(untested, summary.not_testable);
    let told = &run["properties"]["counts"];
    for (name, n) in [
        ("checks", summary.checks),
        ("passed", summary.pass),
        ("errors", summary.violation),
        ("warnings", summary.warning),
        ("notes", summary.note),
        ("not testable", summary.not_testable),
        ("not applicable", summary.not_applicable),
        ("waived", summary.waived),
        ("left out", summary.left_out),
    ] {
        assert_eq!(told[name], n, "{name}");
    }

    let issues: Value = serde_json::from_str(&gitlab::render(&[report])).expect("it is JSON");
    let issues = issues.as_array().expect("a list").len() - report.waivers.len();
    let told = summary.violation + summary.warning + summary.note + summary.not_testable + summary.waived;
    assert_eq!(issues, told);

    let text = markdown::render(&[report]);
    let row = format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        summary.checks,
        summary.pass,
        summary.violation,
        summary.not_testable,
        summary.warning,
        summary.note,
        summary.waived,
        summary.not_applicable,
        summary.left_out
    );
    assert!(text.contains(&row), "{row}{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("### ")).count(), told);

    let annotations = github::render(&[report]);
    let last = annotations.lines().last().expect("a line");
    assert!(last.starts_with("::notice ") && last.contains(&format!("::{} check", summary.checks)));
    let open = summary.violation + summary.warning + summary.note + summary.not_testable;
    let shown = annotations.lines().count() - 1 - report.waivers.len();
    assert_eq!(shown, open.min(10));
    assert_eq!(last.contains("not shown here"), open > 10);
}

#[test]
fn every_format_tells_the_same_counts() {
    counts_agree(&run());
    counts_agree(&stopped());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (one, two) = (run(), stopped());
    for render in [sarif::render, gitlab::render, github::render, markdown::render, har::render] {
        assert_eq!(render(&[&one, &two]), render(&[&run(), &stopped()]));
    }
}

/// A report that is rendered anew comes from a file, which may say any moment.
#[test]
fn a_start_past_the_last_year_stops_no_format() {
    for started in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "then"] {
        let report = RunReport { started: started.into(), ..run() };
        let document = valid(&sarif_schema(), &sarif::render(&[&report]));
        assert!(document["runs"][0]["invocations"][0].get("startTimeUtc").is_none(), "{started}");
        valid(&har_schema(), &har::render(&[&report]));
    }
}

#[test]
fn a_summary_that_is_too_long_is_cut_and_says_so() {
    let mut report = run();
    let finding = report.findings[1].clone();
    report.findings.extend((0..5_000).map(|nth| {
        let mut finding = finding.clone();
        finding.variant = Some(format!("member {nth}"));
        finding
    }));
    let text = markdown::render_within(&[&report], 100_000);
    assert!(text.len() < 100_000, "{}", text.len());
    assert!(text.contains("more; the JSON report has them") && text.contains("No room for the details of "));
}

#[test]
fn a_walk_a_repeated_exchange_and_a_control_have_an_entry_for_each_request() {
    let mut report = run();
    let one = report.exchanges["token.client_credentials"].clone();
    let mut with_control = one.clone();
    with_control["control"] = one.clone();
    report.exchanges.clear();
    report.exchanges.insert("walk".into(), serde_json::json!({ "steps": [one, one] }));
    report.exchanges.insert("twice".into(), serde_json::json!({ "all": [one, one] }));
    report.exchanges.insert("ordinary".into(), with_control);
    report.exchanges.insert("unsent".into(), serde_json::json!({ "not_sent": { "why": "left_out" } }));
    let document = valid(&har_schema(), &har::render(&[&report]));
    let entries = document["log"]["entries"].as_array().expect("entries");
    let parts: Vec<&Value> = entries.iter().map(|entry| &entry["_grantlint"]["part"]).collect();
    assert_eq!(
        parts,
        ["page 1", "page 2", "try 1", "try 2", "", "control"]
            .map(|part| match part {
                "" => Value::Null,
                part => part.into(),
            })
            .iter()
            .collect::<Vec<_>>()
    );
    let first = &entries[0];
    assert_eq!(first["startedDateTime"], "2026-11-21T09:30:15.789Z");
    assert_eq!(first["time"], 41);
    assert_eq!(first["request"]["postData"]["text"], "grant_type=client_credentials&scope=invoices.read");
    assert_eq!(first["response"]["content"]["size"], 62);
}
