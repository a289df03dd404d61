//! The comparison for a person: what it says together, then difference by difference.

use super::{Comparison, Difference, Ending};
use crate::report::wrap::{columns, wrapped};

/// Columns of a value before it is cut.
const MOST: usize = 48;

/// Exchanges that are named with a difference.
const NAMED: usize = 3;

/// As text that ends with a line break; `width` in columns.
#[must_use]
pub fn render(comparison: &Comparison, width: usize) -> String {
    let [left, right] = &comparison.names;
    let mut lines = vec![format!("left:  {left}"), format!("right: {right}"), String::new()];
    match comparison.ending {
        Ending::Alike => {
            lines.push(format!("✓ nothing differs, in {} exchanges that both answered", comparison.shared))
        }
        Ending::Differs => {}
        other => {
            lines.extend(wrapped(&format!("✗ {}", other.meaning()), width));
            lines.push(String::new());
        }
    }
    for diagnosis in &comparison.diagnosis {
        lines.extend(wrapped(&diagnosis.says, width));
        let mut label = "  next: ";
        for line in wrapped(&diagnosis.next, width.saturating_sub(8).max(20)) {
            lines.push(format!("{label}{line}"));
            label = "        ";
        }
        lines.push(String::new());
    }
    let (loud, quiet): (Vec<Difference>, Vec<Difference>) = comparison.verdicts.iter().cloned().partition(is_loud);
    for (heading, list) in [
        ("answers", &comparison.answers),
        ("verdicts", &loud),
        ("what came back", &comparison.exchanges),
        ("TLS", &comparison.tls),
    ] {
        if !list.is_empty() {
            table(heading, list, &mut lines);
            lines.push(String::new());
        }
    }
    for (left, right, count) in counted(&quiet) {
        let s = if count == 1 { "" } else { "s" };
        lines.push(format!("{count} finding{s}: {left} on the left, {right} on the right"));
    }
    if let Some([a, b]) = comparison.times_ms {
        lines.push(format!("time to the head of an answer, median: {a} ms left, {b} ms right"));
    }
    if !comparison.is_alike() {
        lines.push(format!("✗ they differ, in {} exchanges that both sides have", comparison.shared));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Whether one side was found wrong; that only one could be tested is told in a line for all.
fn is_loud(one: &Difference) -> bool {
    [&one.left, &one.right].iter().any(|word| ["error", "warning", "note", "waived"].contains(&word.as_str()))
}

fn counted(list: &[Difference]) -> Vec<(&str, &str, usize)> {
    let mut all: Vec<(&str, &str, usize)> = Vec::new();
    for one in list {
        match all.iter_mut().find(|(left, right, _)| *left == one.left && *right == one.right) {
            Some((.., count)) => *count += 1,
            None => all.push((&one.left, &one.right, 1)),
        }
    }
    all
}

fn table(heading: &str, list: &[Difference], lines: &mut Vec<String>) {
    let rows: Vec<[String; 3]> = list.iter().map(|one| [one.what.clone(), cut(&one.left), cut(&one.right)]).collect();
    let wide = |column: usize, head: &str| {
        rows.iter().map(|row| columns(&row[column])).chain([columns(head)]).max().unwrap_or(0)
    };
    let widths = [wide(0, heading), wide(1, "left"), wide(2, "right")];
    let padded = |text: &str, width: usize| format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))));
    lines.push(format!("{}  {}  right", padded(heading, widths[0]), padded("left", widths[1])));
    for (row, one) in rows.iter().zip(list) {
        let seen = match one.seen_in.as_slice() {
            [] => String::new(),
            seen => {
                let more = seen.len().saturating_sub(NAMED);
                let named: Vec<&str> = seen.iter().take(NAMED).map(String::as_str).collect();
                format!(
                    "  ({}{})",
                    named.join(", "),
                    if more > 0 { format!(" and {more} more") } else { String::new() }
                )
            }
        };
        let cells = format!("{}  {}", padded(&row[0], widths[0]), padded(&row[1], widths[1]));
        let last = if seen.is_empty() { row[2].clone() } else { padded(&row[2], widths[2]) + &seen };
        lines.push(format!("{cells}  {last}"));
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}
