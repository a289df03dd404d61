//! The only way to build a test case: every text is made legal here, and every name unique.

use std::collections::HashSet;

use junit_report::{Duration, TestCase, TestResult};

use crate::report::text::{block, cdata, one_line, xml_legal};

/// A test case whose texts cannot break the document, steer a terminal or issue commands.
#[derive(Debug)]
pub(super) struct Case(TestCase);

/// What became of a case. `kind` is the check's id; `message` one line; `text` everything.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed { output: Option<String> },
    Skipped { kind: String, message: String, text: String },
    Error { kind: String, message: String, text: String },
    Failure { kind: String, message: String, text: String },
}

impl Case {
    pub(super) fn new(name: CaseName, time: Duration, outcome: Outcome) -> Self {
        let mut case = TestCase::success(&name.name, time);
        case.set_classname(&name.classname);
        // Fields and not the crate's constructors: those cannot give a skipped case its text.
        let told = |kind: &str, message: &str, text: &str| {
            let message = if message.trim().is_empty() { kind } else { message };
            (legal_line(kind), legal_line(message), Some(legal_text(text)))
        };
        case.result = match outcome {
            Outcome::Passed { output } => {
                case.system_out = output.map(|output| legal_text(&output));
                TestResult::Success
            }
            Outcome::Skipped { kind, message, text } => {
                let (type_, message, cause) = told(&kind, &message, &text);
                TestResult::SkippedWithCause { type_, message, cause }
            }
            Outcome::Error { kind, message, text } => {
                let (type_, message, cause) = told(&kind, &message, &text);
                TestResult::Error { type_, message, cause }
            }
            Outcome::Failure { kind, message, text } => {
                let (type_, message, cause) = told(&kind, &message, &text);
                TestResult::Failure { type_, message, cause }
            }
        };
        Self(case)
    }

    /// Links the case to a file of the user's repository.
    pub(super) fn in_file(mut self, file: Option<&str>) -> Self {
        self.0.filepath = file.map(legal_line);
        self
    }

    /// Names files that belong to it, each on a line of its own as GitLab, Jenkins and Azure read it. Only of a red case: GitLab reads no other
    /// output, and Jenkins would show them at every passed one.
    pub(super) fn with(mut self, attachments: &[String]) -> Self {
        if matches!(self.0.result, TestResult::Error { .. } | TestResult::Failure { .. }) {
            let sound = |path: &&String| one_line(path, MOST_CHARS) == **path && !path.contains(['[', ']', '|']);
            let lines: Vec<String> =
                attachments.iter().filter(sound).map(|path| format!("[[ATTACHMENT|{}]]", xml_legal(path))).collect();
            self.0.system_out = (!lines.is_empty()).then(|| lines.join("\n"));
        }
        self
    }

    pub(super) fn into_inner(self) -> TestCase {
        self.0
    }
}

/// Class and name of a case, legal and unlike those of every other case in the document.
#[derive(Debug)]
pub(super) struct CaseName {
    classname: String,
    name: String,
}

/// Names already given: GitLab keeps one of several cases that are called the same.
#[derive(Debug, Default)]
pub(super) struct Names {
    suites: HashSet<String>,
    cases: HashSet<(String, String)>,
}

impl Names {
    pub(super) fn new_suite(&mut self, wanted: &str) -> String {
        unused(wanted, |name| self.suites.insert(name.to_owned()))
    }

    pub(super) fn new_case(&mut self, classname: &str, wanted: &str) -> CaseName {
        let classname = legal_line(classname);
        let name = unused(wanted, |name| self.cases.insert((classname.clone(), name.to_owned())));
        CaseName { classname, name }
    }
}

/// The wanted name made legal, numbered if it was given before; readers refuse a case without a name.
fn unused(wanted: &str, mut insert: impl FnMut(&str) -> bool) -> String {
    let wanted = legal_line(wanted);
    let wanted = if wanted.trim().is_empty() { "(no name)" } else { &wanted };
    if insert(wanted) {
        return wanted.to_owned();
    }
    let mut numbered = (2_usize..).map(|n| format!("{wanted} #{n}"));
    numbered.find(|name| insert(name)).expect("there are more numbers than cases")
}

/// The value of an attribute: one line, since XML parsers turn line breaks in attributes into spaces.
pub(super) fn legal_line(text: &str) -> String {
    legal(&one_line(text, MOST_CHARS))
}

/// The content of a CDATA section.
fn legal_text(text: &str) -> String {
    cdata(&legal(&block(text, MOST_LINES, MOST_LINE_CHARS)))
}

/// Legal XML without GitLab's marker for attachments, lest a server attach files to the job.
///
/// The escapes before it leave nothing illegal today; that the document parses must not hang on them.
fn legal(text: &str) -> String {
    xml_legal(&text.replace("[[ATTACHMENT|", "[\\x5bATTACHMENT|"))
}

/// Characters of an attribute.
const MOST_CHARS: usize = 500;

/// Lines of a case's text.
const MOST_LINES: usize = 200;

/// Characters of one of them.
const MOST_LINE_CHARS: usize = 4_000;
