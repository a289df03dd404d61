//! The dialect a server speaks: the union of the faults and variations it was started with.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fault::{Break, Fault, Overrides, Rewrite, TlsOverride, Wire};
use super::names::nearest;
use super::raw::LONGEST_BODY;
use super::setup::USER_GRANTS;
use super::shape::{LONGEST_DELAY_MS, fits};
use super::{Error, Policy, REPLY_NAMES, Rule};

/// Everything by which a server differs from the conforming default. The default differs by nothing.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    skip: BTreeSet<Rule>,
    policies: BTreeSet<Policy>,
    pub(super) rewrites: Vec<Rewrite>,
    wires: Vec<Wire>,
    delays: Vec<(String, u64)>,
    pub(super) overrides: Overrides,
    target: Map<String, Value>,
}

impl Dialect {
    /// Adds a fault; a variation is added as `variation.into()`. Where two set the same setting, the later wins.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] for a value out of its range, a reply that nobody gives, or a header that cannot be written in HTTP at all.
    pub fn add(&mut self, fault: Fault) -> Result<(), Error> {
        check(&fault)?;
        self.skip.extend(fault.skip.0);
        self.policies.extend(fault.policy.0);
        self.rewrites.extend(fault.reply.0);
        self.wires.extend(fault.wire.0);
        self.delays.extend(fault.delay_ms.0);
        self.overrides.lay_over(fault.settings);
        lay_over(&mut self.target, fault.target, true);
        Ok(())
    }

    /// A dialect that leaves out these rules and makes these choices, and differs by nothing else.
    #[must_use]
    pub fn of(skip: &[Rule], policies: &[Policy]) -> Self {
        Self { skip: skip.iter().copied().collect(), policies: policies.iter().copied().collect(), ..Self::default() }
    }

    /// Whether the server keeps this rule.
    #[must_use]
    pub fn keeps(&self, rule: Rule) -> bool {
        !self.skip.contains(&rule)
    }

    /// Whether the server makes this choice.
    #[must_use]
    pub fn makes(&self, policy: Policy) -> bool {
        self.policies.contains(&policy)
    }

    /// The transport defect that strikes the reply of this name.
    #[must_use]
    pub fn wire_break(&self, reply: &str) -> Option<Break> {
        self.wires.iter().find(|wire| wire.to.0.iter().any(|to| fits(to, reply))).map(|wire| wire.breaks)
    }

    /// Milliseconds by which the reply of this name is held back, the latency of the dialect included.
    #[must_use]
    pub fn delay_ms(&self, reply: &str) -> u64 {
        let own: u64 = self.delays.iter().filter(|(to, _)| fits(to, reply)).map(|(_, ms)| ms).sum();
        (own + self.overrides.latency_ms.unwrap_or(0)).min(LONGEST_DELAY_MS)
    }

    /// The TLS that the dialect asks for; [`Settings::tls`](super::Settings::tls) then has to bring such a certificate.
    #[must_use]
    pub fn tls(&self) -> Option<TlsOverride> {
        self.overrides.tls
    }

    /// Lays the dialect's own target members over `entry`; `${port}` and the like in their strings become the server's.
    pub(super) fn lay_over_target(&self, entry: &mut Map<String, Value>, values: &[(&str, &str)]) {
        let mut own = Value::Object(self.target.clone());
        fill_in(&mut own, values);
        if let Value::Object(own) = own {
            lay_over(entry, own, false);
        }
    }

    /// Fills the server's own origin into what rewrites set.
    pub(super) fn speak_as(&mut self, origin: &str) {
        for value in self.rewrites.iter_mut().flat_map(|rewrite| rewrite.set_member.values_mut()) {
            fill_in(value, &[("${origin}", origin)]);
        }
    }

    /// Whether answers can only be written by hand: a broken transport, or a header value that no HTTP library writes.
    pub(super) fn needs_raw_writer(&self) -> bool {
        !self.wires.is_empty()
            || self.rewrites.iter().flat_map(|rewrite| &rewrite.set_header).any(|(name, values)| {
                http::HeaderName::try_from(name.as_str()).is_err()
                    || values.0.iter().any(|value| http::HeaderValue::from_str(value).is_err())
                    || ["content-length", "transfer-encoding", "connection"]
                        .contains(&name.to_ascii_lowercase().as_str())
            })
    }
}

impl Overrides {
    fn lay_over(&mut self, later: Self) {
        let earlier = std::mem::take(self);
        *self = Self {
            token_length: later.token_length.or(earlier.token_length),
            max_header: later.max_header.or(earlier.max_header),
            max_body: later.max_body.or(earlier.max_body),
            expires_in: later.expires_in.or(earlier.expires_in),
            retry_after: later.retry_after.or(earlier.retry_after),
            rate_window_ms: later.rate_window_ms.or(earlier.rate_window_ms),
            latency_ms: later.latency_ms.or(earlier.latency_ms),
            client_id: later.client_id.or(earlier.client_id),
            client_secret: later.client_secret.or(earlier.client_secret),
            public_redirect_uri: later.public_redirect_uri.or(earlier.public_redirect_uri),
            client_key: later.client_key.or(earlier.client_key),
            scopes: later.scopes.or(earlier.scopes),
            default_scope: later.default_scope.or(earlier.default_scope),
            grants: if later.grants.is_empty() { earlier.grants } else { later.grants },
            lock_after: later.lock_after.or(earlier.lock_after),
            tls: later.tls.or(earlier.tls),
            metadata_path: later.metadata_path.or(earlier.metadata_path),
            issuer_path: later.issuer_path.or(earlier.issuer_path),
            token_header: joined(earlier.token_header, later.token_header),
            token_claims: joined(earlier.token_claims, later.token_claims),
        };
    }
}

fn joined(mut earlier: Map<String, Value>, later: Map<String, Value>) -> Map<String, Value> {
    lay_over(&mut earlier, later, true);
    earlier
}

/// Checks what the types cannot: ranges, and that headers have no line breaks, which would be another header.
fn check(fault: &Fault) -> Result<(), Error> {
    for rewrite in &fault.reply.0 {
        if let Some(status) = rewrite.status.filter(|status| !(200..=599).contains(status)) {
            return Err(Error::Fault(format!("status {status} in `reply`: 200 to 599 are possible")));
        }
        for (name, values) in &rewrite.set_header {
            if name.is_empty() || std::iter::once(name).chain(&values.0).any(|text| text.contains(['\r', '\n'])) {
                return Err(Error::Fault(format!(
                    "header `{}` in `reply` is empty or has a line break",
                    name.escape_debug()
                )));
            }
        }
    }
    let named = fault.reply.0.iter().flat_map(|rewrite| &rewrite.to.0);
    let named = named.chain(fault.wire.0.iter().flat_map(|wire| &wire.to.0));
    named.chain(fault.delay_ms.0.iter().map(|(to, _)| to)).try_for_each(|to| reply_is_known(to))?;
    let Overrides {
        token_length,
        max_header,
        max_body,
        grants,
        expires_in,
        latency_ms,
        issuer_path,
        metadata_path,
        ..
    } = &fault.settings;
    range("token_length", token_length.map(|n| n as u64), 4, 65_536)?;
    range("max_header", max_header.map(|n| n as u64), 0, 65_536)?;
    range("max_body", max_body.map(|n| n as u64), 0, LONGEST_BODY as u64)?;
    if let Some(grant) = grants.iter().find(|grant| !USER_GRANTS.contains(&grant.as_str())) {
        return Err(Error::Fault(format!("grant `{grant}` in `settings`: possible are {}", USER_GRANTS.join(", "))));
    }
    range("expires_in", *expires_in, 0, 315_360_000)?;
    range("latency_ms", *latency_ms, 0, LONGEST_DELAY_MS)?;
    for (name, path) in [("issuer_path", issuer_path), ("metadata_path", metadata_path)] {
        if let Some(path) = path.as_ref().filter(|path| !path.is_empty())
            && (!path.starts_with('/') || path.ends_with('/'))
        {
            let says = format!("{name} `{path}` in `settings`: it starts with a slash and ends without one");
            return Err(Error::Fault(says));
        }
    }
    Ok(())
}

/// Whether a pattern can fit a reply: one that fits none would be a fault that never shows.
fn reply_is_known(to: &str) -> Result<(), Error> {
    let errors = ["error.", "introspect.error.", "redirect.error.", "registration.error.", "revoke.error."];
    let is_error = errors.iter().any(|of| to.starts_with(of));
    if is_error || REPLY_NAMES.iter().any(|name| fits(to, name)) {
        return Ok(());
    }
    let near = nearest(to, REPLY_NAMES.iter().copied());
    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    Err(Error::Fault(format!("no reply is called `{to}`{near}")))
}

fn range(name: &str, value: Option<u64>, least: u64, most: u64) -> Result<(), Error> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Error::Fault(format!("{name} {value} in `settings`: {least} to {most} are possible")))
        }
        _ => Ok(()),
    }
}

/// Lays `later` over `earlier`, object by object; null takes a member away, now or, if `later` is laid on in its turn, then.
pub(super) fn lay_over(earlier: &mut Map<String, Value>, later: Map<String, Value>, keep_null: bool) {
    for (name, value) in later {
        match (earlier.get_mut(&name), value) {
            (_, Value::Null) if !keep_null => {
                earlier.shift_remove(&name);
            }
            (Some(Value::Object(inner)), Value::Object(value)) => lay_over(inner, value, keep_null),
            (_, value) => {
                earlier.insert(name, value);
            }
        }
    }
}

fn fill_in(value: &mut Value, values: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (name, value) in values {
                *text = text.replace(name, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, values)),
        Value::Object(members) => members.values_mut().for_each(|member| fill_in(member, values)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: serde_json::Value) -> Fault {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_dialect_is_the_union_of_its_faults() {
        let mut dialect = Dialect::default();
        dialect.add(fault(serde_json::json!({ "behaviour": "a", "skip": "client.known", "delay_ms": 5, "settings": { "expires_in": 7 } }))).unwrap();
        dialect
            .add(fault(serde_json::json!({ "behaviour": "b", "policy": ["get.404"], "delay_ms": { "token.*": 2 }, "settings": { "expires_in": 8 } })))
            .unwrap();
        assert!(!dialect.keeps(Rule::ClientKnown) && dialect.keeps(Rule::ScopeKnown) && dialect.makes(Policy::Get404));
        assert_eq!((dialect.delay_ms("token.issued"), dialect.delay_ms("metadata")), (7, 5));
        assert_eq!(dialect.overrides.expires_in, Some(8));
    }

    #[test]
    fn a_header_with_a_line_break_is_refused() {
        let error = Dialect::default()
            .add(fault(
                serde_json::json!({ "behaviour": "a", "reply": { "to": "*", "set_header": { "x": "a\r\nb: c" } } }),
            ))
            .unwrap_err();
        assert_eq!(error.to_string(), "fault cannot be played: header `x` in `reply` is empty or has a line break");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for wrong in [
            serde_json::json!({ "behaviour": "a", "reply": { "to": "*", "status": 99 } }),
            serde_json::json!({ "behaviour": "a", "settings": { "token_length": 3 } }),
            serde_json::json!({ "behaviour": "a", "settings": { "issuer_path": "tenant" } }),
        ] {
            assert!(matches!(Dialect::default().add(fault(wrong.clone())), Err(Error::Fault(_))), "{wrong}");
        }
    }
}
