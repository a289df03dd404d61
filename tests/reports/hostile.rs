//! Runs with arbitrary text in every field, in the formats for machines: valid, alike in their counts, and without effect.

use grantlint::report::model::RunReport;
use grantlint::report::{github, gitlab, har, markdown, sarif};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::stopped;
use crate::formats::{counts_agree, gitlab_schema, har_schema, sarif_schema, valid};

/// What would do something in a terminal or in the log of a CI server.
fn steers(text: &str) -> Option<&str> {
    text.lines().find(|line| {
        line.contains(|c: char| c.is_control() && c != '\t')
            || line.contains(['\u{202e}', '\u{200b}', '\u{2028}'])
            || line.trim_start().starts_with("::e")
            || line.contains("##[")
            || line.contains("##vso[")
            || line.contains("section_end:1")
    })
}

/// A run is concluded when it is read, so its counts are those of its findings.
fn concluded(mut report: RunReport) -> RunReport {
    grantlint::report::conclude::decide(&mut report);
    report
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn json_formats_stay_valid(report in run_with(hostile_character())) {
        let (report, stopped) = (concluded(report), stopped());
        let both = [&report, &stopped];
        thread_local! {
            static SCHEMAS: [jsonschema::Validator; 3] = [sarif_schema(), gitlab_schema(), har_schema()];
        }
        SCHEMAS.with(|[of_sarif, of_gitlab, of_har]| {
            valid(of_sarif, &sarif::render(&both));
            valid(of_gitlab, &gitlab::render(&both));
            valid(of_har, &har::render(&both));
        });
        for render in [sarif::render, gitlab::render, har::render] {
            let text = render(&both);
            prop_assert_eq!(steers(&text), None);
            prop_assert_eq!(&text, &render(&both));
        }
        counts_agree(&report);
    }

    #[test]
    fn annotations_are_commands_of_ours_only(report in run_with(hostile_character())) {
        let text = github::render(&[&concluded(report), &stopped()]);
        for line in text.lines() {
            let rest = ["::error ", "::warning ", "::notice "].iter().find_map(|start| line.strip_prefix(start));
            let rest = rest.unwrap_or_else(|| panic!("{line:?}"));
            let (properties, message) = rest.split_once("::").expect("it has a message");
            for property in properties.split(',') {
                let (name, value) = property.split_once('=').expect("a property has a value");
                prop_assert!(["file", "line", "endLine", "col", "endColumn", "title"].contains(&name), "{line:?}");
                prop_assert!(!value.contains(':'), "{line:?}");
            }
            prop_assert!(!message.contains(|c: char| c.is_control()), "{line:?}");
            prop_assert!(!line.contains("##[") && !line.contains("##vso["), "{line:?}");
        }
    }

    #[test]
    fn markdown_has_no_markup_of_others(report in run_with(hostile_markup())) {
        let report = concluded(report);
        let text = markdown::render(&[&report]);
        prop_assert_eq!(steers(&text), None);
        let plain = headings(&markdown::render(&[&stripped(&report)]));
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => prop_assert_eq!(html.as_ref(), "<!-- -->"),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    prop_assert!(dest_url.starts_with("https://www.rfc-editor.org/rfc/rfc"), "{dest_url}");
                }
                Event::Start(Tag::Image { .. } | Tag::Strikethrough | Tag::FootnoteDefinition(_)) => {
                    prop_assert!(false, "{text}");
                }
                _ => {}
            }
        }
        prop_assert_eq!(headings(&text), plain);
    }
}

/// How many headings, tables, rows, code blocks and list items there are.
fn headings(text: &str) -> [usize; 4] {
    let mut counts = [0; 4];
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => counts[0] += 1,
            Event::Start(Tag::Table(_)) => counts[1] += 1,
            Event::Start(Tag::TableCell) => counts[2] += 1,
            Event::Start(Tag::BlockQuote(_)) => counts[3] += 1,
            _ => {}
        }
    }
    counts
}

/// The same run with harmless text in what is not code.
fn stripped(report: &RunReport) -> RunReport {
    let mut plain = report.clone();
    plain.findings.iter_mut().for_each(|finding| {
        finding.title = "x".into();
        finding.check = "x".into();
        finding.variant = finding.variant.as_ref().map(|_| "x".into());
        finding.caller = finding.caller.as_ref().map(|_| "x".into());
    });
    plain
}

/// Pieces of Markdown among the others.
fn hostile_markup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[a](https://evil.example)",
        "![a](https://evil.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "<!--",
        "```",
        "`",
        "\n\n# heading\n",
        "|",
        "\\|",
        "**",
        "~~",
        "@everyone",
        "https://evil.example",
        "www.evil.example",
        "&lt;",
        "$x$",
        "[^1]",
        "\n- item",
        "\n> quote",
        "    code",
        "~~~",
        "\\",
    ]);
    prop_oneof![2 => pieces.prop_map(str::to_owned), 1 => hostile_character()]
}
