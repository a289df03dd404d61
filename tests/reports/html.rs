//! The HTML report, as a browser reads it: what is told, that every link leads somewhere, and that no text becomes markup.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantlint::report::html::logo::Logo;
use grantlint::report::html::{HtmlOptions, render, render_folder};
use grantlint::report::model::RunReport;
use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};
use sha2::{Digest as _, Sha256};

use crate::arbitrary::{hostile_character, run_with};
use crate::fixture::{HOSTILE, run, stopped};

/// Elements of the templates; whatever else is in a page came from somewhere else.
const TAGS: &str = "html head meta title link style body a header div img h1 h2 h3 h4 h5 p strong span nav ul ol li main \
    section article table caption thead tbody tr th td br code pre mark b details summary footer";

/// Attributes of the templates.
const ATTRIBUTES: &str = "lang charset http-equiv content name rel href src alt class id scope aria-label aria-labelledby \
    aria-hidden role tabindex data-head height";

fn written(reports: &[&RunReport]) -> String {
    render(reports, &HtmlOptions::default())
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).expect("it is a selector")).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Parses a page and holds it to everything that is true of every page.
fn sound(page: &str) -> Html {
    assert!(page.starts_with("<!doctype html>\n"));
    let told: HashSet<char> = page.chars().filter(|c| c.is_control() && *c != '\n' && *c != '\t').collect();
    assert!(told.is_empty(), "{told:?}");
    for line in page.lines() {
        assert!(!line.trim_start().starts_with("::e") && !line.contains("##[") && !line.contains("##vso["), "{line:?}");
    }
    let html = Html::parse_document(page);
    // Besides what browsers mend in silence nothing is wrong with the document.
    assert!(html.errors.is_empty(), "{:?}", html.errors);
    let (tags, attributes): (HashSet<&str>, HashSet<&str>) =
        (TAGS.split_whitespace().collect(), ATTRIBUTES.split_whitespace().collect());
    let mut ids = HashSet::new();
    for element in all(&html, "*") {
        assert!(tags.contains(element.value().name()), "<{}> is none of ours", element.value().name());
        for (name, value) in element.value().attrs() {
            assert!(attributes.contains(name), "{name}={value:?} is none of ours");
            match name {
                "id" => assert!(ids.insert(value.to_owned()), "two elements are called {value}"),
                "src" => assert!(value.starts_with("data:image/"), "{value}"),
                _ => {}
            }
        }
    }
    for link in all(&html, "a") {
        let to = link.value().attr("href").expect("a link leads somewhere");
        match to.strip_prefix('#') {
            Some(place) => assert!(ids.contains(place), "nothing is called {place}"),
            None => {
                let known = ["https://www.rfc-editor.org/", "https://datatracker.ietf.org/", "https://openid.net/"];
                assert!(known.iter().any(|start| to.starts_with(start)), "{to}");
            }
        }
    }
    for cell in all(&html, "th") {
        assert!(cell.value().attr("scope").is_some());
    }
    assert_eq!(all(&html, "meta[http-equiv]").len(), 1);
    html
}

#[test]
fn the_page_says_what_the_run_says() {
    let page = sound(&written(&[&run()]));
    let said = text(page.root_element());
    for sentence in [
        "Does not work for Coupa call-out",
        "It does not conform to RFC 6749 either.",
        "What to do first",
        "Ask the owner for the gateway's log of the request in question",
        "A refusal is no OAuth error",
        "“Failed to get OAuth token” in the integration run, with no further detail.",
        "Send Cache-Control: no-store on every response that carries a token",
        "gateway upgrade planned, ticket PAY-1432",
        "left out by --safe",
        "this id and secret encode alike in both alphabets",
        "the target does not claim refresh_token",
        "Conforms to RFC 7617 ?",
    ] {
        assert!(said.contains(sentence), "{sentence}");
    }
    let marked: Vec<String> = all(&page, "mark").into_iter().map(text).collect();
    assert!(marked.contains(&"max-age=60".to_owned()), "{marked:?}");
    let links: Vec<_> =
        all(&page, "a[href^='https:']").into_iter().filter_map(|link| link.value().attr("href")).collect();
    assert!(links.contains(&"https://www.rfc-editor.org/rfc/rfc6749#section-5.1"));
}

#[test]
fn counts_are_those_of_the_run() {
    let report = run();
    let page = sound(&written(&[&report]));
    let counts: Vec<String> = all(&page, ".counts li").into_iter().map(text).collect();
    let summary = &report.summary;
    for (n, word) in [
        (summary.violation, "errors"),
        (summary.not_testable, "not testable"),
        (summary.warning, "warning"),
        (summary.note, "note"),
        (summary.waived, "waived"),
        (summary.pass, "passed"),
        (summary.not_applicable, "not applicable"),
        (summary.left_out, "left out"),
    ] {
        assert!(counts.contains(&format!("{n} {word}")), "{n} {word} in {counts:?}");
    }
}

#[test]
fn a_requirement_is_told_in_our_words() {
    let mut report = run();
    let finding = report
        .findings
        .iter_mut()
        .find(|finding| finding.check == "rfc6749/token-type-not-bearer")
        .expect("it is there");
    finding.covers = vec!["rfc6749-5.1-token-type".into(), "of-another-version".into()];
    let statements: Vec<String> =
        all(&sound(&written(&[&report])), ".finding .statement").into_iter().map(text).collect();
    assert_eq!(statements, ["token_type is present."]);
}

#[test]
fn a_run_that_stopped_says_where() {
    let page = sound(&written(&[&stopped()]));
    let said = text(all(&page, ".callout")[0]);
    assert!(said.contains("The run stopped before the tests") && said.contains("404 with"), "{said}");
    assert_eq!(text(all(&page, ".headline")[0]), "Not everything could be tested");
}

#[test]
fn a_finding_is_called_the_same_whatever_else_is_found() {
    let ids = |report: &RunReport| -> HashSet<String> {
        let page = sound(&written(&[report]));
        all(&page, "[id*='rfc6749-token-response-cacheable']")
            .iter()
            .map(|element| element.value().attr("id").unwrap().to_owned())
            .collect()
    };
    let mut fewer = run();
    fewer.findings.retain(|finding| finding.check.contains("cacheable") || finding.check.contains("pass"));
    let expected: HashSet<String> = [
        "sandbox--rfc6749-token-response-cacheable".to_owned(),
        "sandbox--rfc6749-token-response-cacheable--coupa-call-out".to_owned(),
    ]
    .into();
    assert_eq!(ids(&run()), expected);
    assert_eq!(ids(&fewer), expected);
}

#[test]
fn targets_stand_side_by_side() {
    let mut other = run();
    other.findings.retain(|finding| finding.check != "rfc6749/token-type-not-bearer");
    let page = sound(&written(&[&run(), &other]));
    assert_eq!(all(&page, "section.run").len(), 2);
    let rows: Vec<String> = all(&page, ".matrix tr").into_iter().map(text).collect();
    assert!(rows.contains(&"Works for Coupa call-out? ✗ no ✗ no".to_owned()), "{rows:?}");
    let row = rows.iter().find(|row| row.contains("rfc6749/token-type-not-bearer")).expect("it differs");
    assert!(row.ends_with("✗ error not asked"), "{row}");
}

#[test]
fn no_target_is_still_a_page() {
    assert!(text(sound(&written(&[])).root_element()).contains("No target was checked."));
    let mut empty = run();
    empty.findings.clear();
    sound(&written(&[&empty]));
}

#[test]
fn the_page_allows_nothing_but_its_own_style() {
    let text = written(&[&run()]);
    let page = sound(&text);
    let style = all(&page, "style")[0].text().collect::<String>();
    let policy =
        all(&page, "meta[http-equiv='Content-Security-Policy']")[0].value().attr("content").unwrap().to_owned();
    let hash = STANDARD.encode(Sha256::digest(style));
    assert_eq!(
        policy,
        format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'")
    );
}

#[test]
fn title_customer_and_logo_are_text_and_a_picture() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let options = HtmlOptions {
        title: Some(HOSTILE.into()),
        customer: Some("Example & <Sons>".into()),
        logo: Some(Logo::from_bytes(svg).unwrap()),
    };
    let page = sound(&render(&[&run()], &options));
    assert!(text(all(&page, "h1")[0]).starts_with("<&\"'>]]>\\n"));
    assert!(text(all(&page, "header")[0]).contains("Prepared for Example & <Sons>"));
    assert!(all(&page, "img.logo")[0].value().attr("src").unwrap().starts_with("data:image/svg+xml;base64,"));
}

#[test]
fn a_folder_has_its_style_beside_the_page() {
    let png = Logo::from_bytes(b"\x89PNG\r\n\x1a\n".to_vec()).unwrap();
    let options = HtmlOptions { logo: Some(png), ..HtmlOptions::default() };
    let files = render_folder(&[&run()], &options);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["index.html", "style.css", "logo.png"]);
    let page = String::from_utf8(files[0].1.clone()).unwrap();
    assert!(!page.contains("<style") && !page.contains(" style="));
    assert!(page.contains("<link rel=\"stylesheet\" href=\"style.css\">") && page.contains("src=\"logo.png\""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_becomes_markup(report in run_with(prop_oneof![hostile_character(), markup()]), title in ".*") {
        let options = HtmlOptions { title: Some(title.clone()), customer: Some(title), logo: None };
        let stopped = stopped();
        let page = render(&[&report, &stopped], &options);
        prop_assert_eq!(&page, &render(&[&report, &stopped], &options));
        sound(&page);
        let files = render_folder(&[&report], &options);
        let page = String::from_utf8(files[0].1.clone()).expect("it is text");
        prop_assert_eq!(all(&Html::parse_document(&page), "script, style, iframe, object, base, form, svg").len(), 0);
    }
}

/// What becomes markup wherever it is not escaped.
fn markup() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "<script>x</script>",
        "</pre>",
        "</style>",
        "</title>",
        "<img src=x onerror=x>",
        "\" onclick=\"x",
        "' onclick='x",
        "javascript:x",
        "`",
        "{{ x }}",
        "{% x %}",
        "RFC 6749 §",
        "draft-x §",
    ])
    .prop_map(str::to_owned)
}
