//! Adds what the crate leaves out: totals, skipped counts, properties, times with three decimals, one case to a line.

use junit_report::TestSuite;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

use super::case::legal_line;

/// The document with its missing attributes; `properties` are those of `suites`, in the same order.
pub(super) fn complete(xml: &str, suites: &[TestSuite], properties: &[Vec<(String, String)>]) -> String {
    let mut reader = Reader::from_str(xml);
    let mut writer = Writer::new(Vec::new());
    let mut suites = suites.iter().zip(properties);
    let totals = totals(suites.clone().map(|(suite, _)| suite));
    let mut write = |event: Event<'_>| writer.write_event(event).expect("writing to memory does not fail");
    loop {
        let event = reader.read_event().expect("the document was written a moment ago, from legal texts");
        let (element, empty) = match event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(element) => {
                if matches!(element.name().as_ref(), "testsuites" | "testsuite") {
                    write(line_break());
                }
                write(Event::End(element));
                continue;
            }
            Event::Eof => break,
            other => {
                write(other);
                continue;
            }
        };
        let name = element.name().as_ref().to_owned();
        let mut attributes = attributes(&element);
        match name.as_str() {
            "testsuites" => {
                attributes.extend(totals.clone());
                write(line_break());
                start(&mut write, &name, attributes, empty);
            }
            "testsuite" => {
                let (suite, properties) = suites.next().expect("there is one element for each suite");
                attributes.push(("skipped".to_owned(), suite.skipped().to_string()));
                write(line_break());
                start(&mut write, &name, attributes, false);
                write(line_break());
                write_properties(&mut write, properties);
                if empty {
                    write(line_break());
                    write(Event::End(BytesEnd::new(name)));
                }
            }
            _ => {
                if name == "testcase" {
                    write(line_break());
                }
                start(&mut write, &name, attributes, empty);
            }
        }
    }
    write(line_break());
    String::from_utf8(writer.into_inner()).expect("it was written from strings")
}

fn start(write: &mut impl FnMut(Event<'_>), name: &str, attributes: Vec<(String, String)>, empty: bool) {
    let mut element = BytesStart::new(name);
    for (name, value) in &attributes {
        element.push_attribute((name.as_str(), value.as_str()));
    }
    write(if empty { Event::Empty(element) } else { Event::Start(element) });
}

fn write_properties(write: &mut impl FnMut(Event<'_>), properties: &[(String, String)]) {
    start(write, "properties", Vec::new(), false);
    for (name, value) in properties {
        let attributes = vec![("name".to_owned(), legal_line(name)), ("value".to_owned(), legal_line(value))];
        start(write, "property", attributes, true);
    }
    write(Event::End(BytesEnd::new("properties")));
}

fn line_break() -> Event<'static> {
    Event::Text(BytesText::new("\n"))
}

/// Names and values of an element, times with three decimals.
fn attributes(element: &BytesStart<'_>) -> Vec<(String, String)> {
    element
        .attributes()
        .map(|attribute| {
            let attribute = attribute.expect("the document was written a moment ago");
            let name = attribute.key.as_ref().to_owned();
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .expect("the document was written a moment ago")
                .into_owned();
            match value.parse() {
                Ok(time) if name == "time" => (name, seconds(time)),
                _ => (name, value),
            }
        })
        .collect()
}

fn totals<'a>(suites: impl Iterator<Item = &'a TestSuite> + Clone) -> Vec<(String, String)> {
    let sum = |count: fn(&TestSuite) -> usize| suites.clone().map(count).sum::<usize>().to_string();
    let time = suites.clone().map(|suite| suite.time().as_seconds_f64()).sum();
    vec![
        ("name".to_owned(), "grantlint".to_owned()),
        ("tests".to_owned(), sum(TestSuite::tests)),
        ("failures".to_owned(), sum(TestSuite::failures)),
        ("errors".to_owned(), sum(TestSuite::errors)),
        ("skipped".to_owned(), sum(TestSuite::skipped)),
        ("time".to_owned(), seconds(time)),
    ]
}

fn seconds(time: f64) -> String {
    format!("{time:.3}")
}
