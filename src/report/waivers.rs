//! Waivers: violations that somebody answers for, with a reason and an end date (DESIGN section 4, guide 2.6).
//!
//! Pure: the caller reads the file and tells the day. A waiver turns a violation into `waived` until the end of its last day (UTC); what could
//! not be tested cannot be waived. `edit` adds one to a file.

pub mod edit;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Date, Duration, OffsetDateTime, macros::format_description};

use super::conclude;
use super::model::{Finding, RunReport, VerdictKind, WaiverNotice, WaiverState};
use crate::schema::FileKind;
use crate::yaml::{FileProblems, Problem};

/// The schema of waiver files, generated from [`WaiverFile`].
const SCHEMA: &str = include_str!("../../specs/schema/waivers.schema.json");

/// A waiver file: a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct WaiverFile(pub Vec<Waiver>);

/// One waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Id of the check.
    pub check: String,
    /// Name of the target; `*` for every target, which needs `approved_by`.
    pub target: String,
    /// The member of the check's exchange list; every member if it is not said.
    pub variant: Option<String>,
    /// The last day on which it holds (UTC): `2027-01-31`.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub until: String,
    /// Why the violation is accepted.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Who answers for it.
    pub approved_by: Option<String>,
    /// The file that it stands in.
    #[serde(default, skip_deserializing)]
    #[schemars(skip)]
    pub file: String,
    /// The line at which it begins, from 1.
    #[serde(default, skip_deserializing)]
    #[schemars(skip)]
    pub line: usize,
}

/// Reads a waiver file.
///
/// # Errors
/// All its mistakes: keys, dates, and `*` without `approved_by`.
pub fn read(path: &str, text: &str) -> Result<Vec<Waiver>, Box<FileProblems>> {
    let broken = |message: String| FileProblems {
        path: path.to_owned(),
        text: text.to_owned(),
        problems: vec![Problem { message, at: 0..0, help: None }],
    };
    let kind = FileKind::new(SCHEMA).map_err(|error| Box::new(broken(error)))?;
    let (document, mut file) = kind.read(path, text);
    let Some(document) = document.filter(|_| file.problems.is_empty()) else { return Err(Box::new(file)) };
    let mut waivers: WaiverFile =
        serde_json::from_value(document.value).map_err(|error| Box::new(broken(error.to_string())))?;
    for (nth, waiver) in waivers.0.iter_mut().enumerate() {
        let start = document.positions.get(&format!("/{nth}")).map_or(0, |position| position.value.start);
        waiver.line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        path.clone_into(&mut waiver.file);
        let mut tell = |key: &str, message: String, help: &str| {
            let at = document.positions.get(&format!("/{nth}/{key}")).map(|position| position.value.clone());
            file.problems.push(Problem { message, at: at.unwrap_or_default(), help: Some(help.to_owned()) });
        };
        if waiver.last_day().is_none() {
            tell("until", format!("`{}` is no day", waiver.until), "write year, month and day: 2027-01-31");
        }
        if waiver.target == "*" && waiver.approved_by.is_none() {
            tell(
                "target",
                "a waiver for every target says who answers for it".into(),
                "add `approved_by:`, or name a target",
            );
        }
    }
    if file.problems.is_empty() { Ok(waivers.0) } else { Err(Box::new(file)) }
}

impl Waiver {
    fn last_day(&self) -> Option<Date> {
        Date::parse(&self.until, format_description!("[year]-[month]-[day]")).ok()
    }

    /// Whether it still holds at a time in milliseconds since the Unix epoch: until the end of its last day.
    #[must_use]
    pub fn holds_at(&self, now_ms: u64) -> bool {
        let now = OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1000).unwrap_or(i64::MAX));
        self.last_day().zip(now.ok()).is_some_and(|(last, now)| now.date() <= last)
    }

    /// Whole days to its last day, which is 0; below that it has ended. `None` if its last day is no day.
    #[must_use]
    pub fn days_left(&self, now_ms: u64) -> Option<i64> {
        Some((self.last_day()? - today(now_ms)?).whole_days())
    }

    /// Whether every finding that the other one covers is covered by this one already, its day aside.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.check == other.check
            && (self.target == "*" || self.target == other.target)
            && (self.variant.is_none() || self.variant == other.variant)
    }

    fn notice(&self, state: WaiverState, what: &str) -> WaiverNotice {
        let variant = self.variant.as_ref().map_or_else(String::new, |variant| format!(" [{variant}]"));
        WaiverNotice {
            state,
            check: self.check.clone(),
            variant: self.variant.clone(),
            until: self.until.clone(),
            file: self.file.clone(),
            line: self.line,
            says: format!("{}:{}: the waiver of `{}`{variant} {what}", self.file, self.line, self.check),
        }
    }

    fn covers(&self, finding: &Finding, target: &str) -> bool {
        self.check == finding.check
            && (self.target == "*" || self.target == target)
            && (self.variant.is_none() || self.variant == finding.variant)
    }
}

fn today(now_ms: u64) -> Option<Date> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1000).ok()?).ok().map(OffsetDateTime::date)
}

/// The day that is so many days from now, as waivers write it (UTC); `None` beyond the year 9999.
#[must_use]
pub fn day_after(now_ms: u64, days: u32) -> Option<String> {
    let day = today(now_ms)?.checked_add(Duration::days(i64::from(days)))?;
    day.format(format_description!("[year]-[month]-[day]")).ok()
}

/// Days before the end of a waiver from which on it is told.
pub const ENDING: i64 = 14;

/// Marks the violations that a waiver covers, and tells the waivers that want to be looked at.
pub fn apply(findings: &mut [Finding], waivers: &[Waiver], target: &str, now_ms: u64) -> Vec<WaiverNotice> {
    let mut notices = Vec::new();
    for waiver in waivers.iter().filter(|waiver| waiver.target == "*" || waiver.target == target) {
        let expired = !waiver.holds_at(now_ms);
        let mut violated = false;
        let mut asked = false;
        for finding in findings.iter_mut().filter(|finding| waiver.covers(finding, target)) {
            asked |= finding.verdict == VerdictKind::Pass;
            if matches!(finding.verdict, VerdictKind::Violation | VerdictKind::Waived) {
                violated = true;
                if !expired {
                    finding.verdict = VerdictKind::Waived;
                    finding.reason = Some(format!("waived until {}: {}", waiver.until, waiver.reason));
                    finding.waiver = Some(json!(waiver));
                }
            }
        }
        // A check that came to no verdict says nothing about its waiver.
        if expired && (violated || asked) {
            notices.push(
                waiver.notice(WaiverState::Expired, &format!("ended on {}: it covers nothing any more", waiver.until)),
            );
        } else if asked && !violated {
            notices.push(waiver.notice(WaiverState::Stale, "is stale: the check passes, take it out"));
        } else if violated && let Some(days) = waiver.days_left(now_ms).filter(|days| *days <= ENDING) {
            let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
            notices.push(waiver.notice(WaiverState::Ending, &format!("ends in {days}, on {}", waiver.until)));
        }
    }
    notices
}

/// Makes what was waived a violation again, as if the run had known no waiver, and concludes it anew.
pub fn lift(report: &mut RunReport) {
    for finding in report.findings.iter_mut().filter(|finding| finding.verdict == VerdictKind::Waived) {
        finding.verdict = VerdictKind::Violation;
        (finding.waiver, finding.reason) = (None, None);
    }
    let notices = std::mem::take(&mut report.waivers);
    report.diagnosis.retain(|diagnosis| notices.iter().all(|notice| notice.says != diagnosis.says));
    report.exit.no_waivers = true;
    conclude::answer(report);
    conclude::decide(report);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "- check: rfc6749/pragma-missing\n  target: sandbox\n  until: 2027-01-31\n  reason: gateway upgrade\n";
    /// 2027-01-31T23:59:59Z.
    const LAST_SECOND: u64 = 1_801_439_999_000;

    #[test]
    fn a_waiver_holds_to_the_end_of_its_last_day() {
        let waiver = &read("w.yaml", FILE).unwrap()[0];
        assert!(waiver.holds_at(LAST_SECOND));
        assert!(!waiver.holds_at(LAST_SECOND + 1000));
    }

    #[test]
    fn a_waiver_knows_its_line() {
        let two = format!("# ours\n{FILE}\n{FILE}");
        let lines: Vec<usize> = read("w.yaml", &two).unwrap().iter().map(|waiver| waiver.line).collect();
        assert_eq!(lines, [2, 7]);
    }

    #[test]
    fn a_place_cannot_be_written_into_the_file() {
        assert!(read("w.yaml", &format!("{FILE}  line: 3\n")).is_err());
    }

    #[test]
    fn mistakes_are_told_in_place() {
        let told = |text: &str| read("w.yaml", text).unwrap_err().to_string();
        assert!(told(&FILE.replace("until", "untill")).contains("did you mean `until`?"));
        assert!(told(&FILE.replace("01-31", "02-31")).contains("is no day"));
        assert!(told(&FILE.replace("sandbox", "\"*\"")).contains("approved_by"));
    }
}
