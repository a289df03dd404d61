//! Which of the requirements that a check covers are told in a finding: those that it is about.

use super::prose::Prose;
use super::{Ledger, Row, prose};
use crate::report::model::Finding;

/// Requirements in our words.
#[derive(Default)]
pub(super) struct Required {
    pub statements: Vec<Prose>,
    /// How many more the check covers, where nothing tells which of them was broken.
    pub more: usize,
}

impl Required {
    /// Those that name the member which is wrong; where none does, the first of them, those of the finding's own sections before
    /// those that repeat it.
    pub(super) fn of(ledger: &Ledger, finding: &Finding) -> Self {
        let mut rows: Vec<&Row> = ledger.rows(&finding.covers).collect();
        let members: Vec<&str> = finding.mismatches.iter().filter_map(|mismatch| member(&mismatch.at)).collect();
        let about: Vec<&Row> =
            rows.iter().copied().filter(|row| members.iter().any(|member| names(&row.statement, member))).collect();
        let more = if about.is_empty() {
            rows.sort_by_key(|row| !finding.sources.contains(&row.section));
            rows.len().saturating_sub(MOST)
        } else {
            rows = about;
            0
        };
        let shown = rows.len() - more;
        Self { statements: rows.iter().take(shown).map(|row| prose(&row.statement)).collect(), more }
    }
}

/// The member of a body, token, challenge or redirect that a place leads to. Nothing is learnt from `error`, of which most
/// statements about refusals speak.
fn member(at: &str) -> Option<&str> {
    let segments: Vec<&str> = at.split('/').collect();
    let holder = segments.iter().rposition(|segment| HOLDERS.contains(segment))?;
    // In front stands nothing but a role, which may have any name.
    let name = segments.get(holder + 1).filter(|_| holder > 1)?;
    (!name.is_empty() && !["*", "error"].contains(name)).then_some(*name)
}

/// Whether a statement speaks of a member: the whole word.
fn names(statement: &str, member: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    statement.split(|c| !in_word(c)).any(|word| word.eq_ignore_ascii_case(member))
}

/// What has members with names of the protocol.
const HOLDERS: [&str; 5] = ["json", "claims", "header", "headers", "parameters"];

/// Statements that are shown where nothing tells which of them was broken.
const MOST: usize = 2;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_tells_the_member() {
        assert_eq!(member("/response/json/expires_in"), Some("expires_in"));
        assert_eq!(member("/response/challenges/*/parameters/realm"), Some("realm"));
        assert_eq!(member("/response/headers/cache-control"), Some("cache-control"));
        assert_eq!(member("/token/response/jwt/access_token/claims/aud"), Some("aud"));
        for at in [
            "/answer",
            "/header/answer",
            "/response/status",
            "/response/json",
            "/response/json/error",
            "/seen/response/json/*",
        ] {
            assert_eq!(member(at), None, "{at}");
        }
    }

    #[test]
    fn a_statement_speaks_of_whole_words() {
        assert!(names("exp, iat and nbf are whole numbers.", "iat"));
        assert!(names("Cache-Control with no-store is present.", "cache-control"));
        assert!(!names("expires_in is recommended.", "expires"));
        assert!(!names("Tokens and codes are protected.", "code"));
    }

    #[test]
    fn what_the_finding_is_about_is_told_and_the_rest_is_counted() {
        let row = |id: &str, section: &str, statement: &str| {
            (id.to_owned(), Row { section: section.into(), statement: statement.into() })
        };
        let ledger = Ledger(
            [
                row("a", "Coupa call-out §A2", "The response is an object."),
                row("b", "RFC 7662 §2.2", "exp and iat are numbers."),
                row("c", "RFC 7662 §2.2", "aud is a text."),
            ]
            .into(),
        );
        let told = |at: &str| {
            let finding = json!({
                "check": "x/y", "verdict": "violation", "level": "MUST", "severity": "error", "title": "t",
                "sources": ["RFC 7662 §2.2"], "covers": ["a", "b", "c"], "message": "", "exchanges": [], "why": "", "fix": "",
                "mismatches": [{ "exchange": "e", "at": at, "expected": "", "actual": "" }],
            });
            let required = Required::of(&ledger, &serde_json::from_value(finding).unwrap());
            let texts: Vec<String> = required
                .statements
                .iter()
                .map(|said| said.pieces().iter().map(|piece| &*piece.text).collect())
                .collect();
            (texts, required.more)
        };
        assert_eq!(told("/response/json/iat"), (vec!["exp and iat are numbers.".to_owned()], 0));
        assert_eq!(
            told("/response/json"),
            (vec!["exp and iat are numbers.".to_owned(), "aud is a text.".to_owned()], 1)
        );
    }
}
