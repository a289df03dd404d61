//! A POSIX shell script that asks with `curl` and tells for each answer whether it is the expected one.

use serde_json::json;

use super::expect::{self, Expected};
use super::{Handed, StandIns, comment, expected};
use crate::exchange::{FORM, JSON, curl};

pub(super) fn render(handed: Handed<'_>, stand_ins: &StandIns) -> String {
    let mut script = format!(
        "#!/bin/sh\n# Ordinary requests to {}, written by grantlint. Needs curl, sed, awk, od and base64.\n#\n\
         # Exit code: 0 if every answer is the expected one, else 1. Secrets come from the environment.\nset -u\n\n",
        comment(handed.name)
    );
    for (_, variable) in &stand_ins.secrets {
        script.push_str(&format!(": \"${{{variable}:?is not set}}\"\n"));
    }
    script.push_str(HELPERS);
    for function in [FORM, JSON] {
        script.push_str(&format!("{}\n", function.trim_end_matches("; ")));
    }
    for request in handed.requests {
        let mut document = request.document.clone();
        let masked = request.taken.iter().filter_map(|taken| {
            Some(json!({"value": taken.mask, "variable": stand_ins.variable(&taken.mask)?, "whole": true}))
        });
        document["request"]["masked"] = masked.collect();
        let Some(line) = curl(&document) else { continue };
        let line = line.strip_prefix(FORM).unwrap_or(&line);
        let line = line.strip_prefix(JSON).unwrap_or(line);
        let alternatives = expected(handed, request);
        script.push_str(&format!("\n# {} ({})\n", comment(&request.title), comment(&request.key)));
        script.push_str(&format!("answer=$({line}) || answer=\n"));
        let title = quoted(&comment(&request.title));
        if alternatives.is_empty() {
            script.push_str(&format!("expect {title} 'an answer' status_within 100 599\n"));
        } else {
            let words = quoted(&expect::words(&alternatives));
            script.push_str(&format!(
                "{} && said=0 || said=1\nexpect {title} {words} test $said = 0\n",
                condition(&alternatives)
            ));
        }
        for (variable, member) in stand_ins.from(&request.key) {
            script.push_str(&format!("{variable}=$(member {})\n", quoted(member)));
        }
    }
    script.push_str("\nexit $failed\n");
    script
}

fn condition(alternatives: &[Vec<Expected>]) -> String {
    let one = |expected: &Expected| match expected {
        Expected::Status(from, to) => format!("status_within {from} {to}"),
        Expected::OneOf(all) => {
            let all: Vec<String> = all.iter().map(|status| format!("status_within {status} {status}")).collect();
            format!("{{ {}; }}", all.join(" || "))
        }
        Expected::Member(name) => format!("has {}", quoted(name)),
        Expected::Says(name, text) => format!("test \"$(member {})\" = {}", quoted(name), quoted(text)),
    };
    let all: Vec<String> = alternatives
        .iter()
        .map(|said| format!("{{ {}; }}", said.iter().map(one).collect::<Vec<_>>().join(" && ")))
        .collect();
    format!("{{ {}; }}", all.join(" || "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

const HELPERS: &str = r#"
failed=0
# The status of the answer; what comes before it (100, a proxy's 200) is passed over.
status() {
  printf '%s\n' "$answer" | sed -n 's/^HTTP\/[0-9.]* \([1-9][0-9][0-9]\).*/\1/p' | awk '$1 >= 200 { print; exit }'
}
status_within() {
  code=$(status)
  [ -n "$code" ] && [ "$code" -ge "$1" ] && [ "$code" -le "$2" ]
}
body() {
  printf '%s\n' "$answer" | tr -d '\r' | awk 'seen { print } /^$/ { seen = 1 }'
}
# has NAME: the JSON has a member of this name.
has() {
  body | tr '\n' ' ' | grep -q "\"$1\" *:"
}
# member NAME: the text of a member of the JSON.
member() {
  body | tr '\n' ' ' | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | sed 's/\\\//\//g'
}
# expect TITLE WORDS TEST…
expect() {
  title=$1 words=$2
  shift 2
  if "$@"; then
    echo "ok: $title"
  else
    echo "FAILED: $title: expected $words, got status $(status)"
    failed=1
  fi
}
"#;
