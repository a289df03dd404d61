//! What a running server remembers: issued tokens and refused secrets. Bounded; the oldest tokens are forgotten first.

use std::collections::{HashMap, VecDeque};

use ring::hmac;

use super::Policy;
use super::flow::Flow;
use super::setup::Setup;
use super::signer::Signer;

/// Everything that changes while the server runs.
pub(super) struct State {
    key: hmac::Key,
    /// What tokens are signed with.
    pub(super) signer: Signer,
    drawn: u64,
    tokens: HashMap<String, Token>,
    order: VecDeque<String>,
    /// When a secret was last refused, for the rate limiter.
    pub(super) refused_at_ms: Option<u64>,
    /// Issuer and `jti` of assertions that were used.
    used: VecDeque<String>,
    /// How often the secret of a registered client was wrong.
    wrong: HashMap<String, u32>,
    pub(super) flow: Flow,
}

/// An access token that was issued.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) client_id: String,
    pub(super) scope: String,
    /// Whom it is for (RFC 8707 §2).
    pub(super) audience: Vec<String>,
    pub(super) issued_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) revoked: bool,
}

impl State {
    /// A state whose tokens follow from `seed`.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        Self {
            key,
            signer: Signer::new(&seed),
            drawn: 0,
            tokens: HashMap::new(),
            order: VecDeque::new(),
            refused_at_ms: None,
            used: VecDeque::new(),
            wrong: HashMap::new(),
            flow: Flow::default(),
        }
    }

    /// The next 32 unpredictable bytes: a pseudo-random function of the seed, so that drawing cannot fail.
    pub(super) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let tag = hmac::sign(&self.key, format!("draw {}", self.drawn).as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Notes that the secret of a registered client was wrong.
    pub(super) fn refuse(&mut self, now_ms: u64, client_id: &str) {
        self.refused_at_ms = Some(now_ms);
        let times = self.wrong.entry(client_id.to_owned()).or_default();
        *times = times.saturating_add(1);
    }

    /// Whether so many wrong secrets were sent for this client that it is locked.
    pub(super) fn is_locked(&self, client_id: &str, lock_after: Option<u32>) -> bool {
        lock_after.is_some_and(|most| self.wrong.get(client_id).is_some_and(|times| *times >= most))
    }

    /// Notes the name of an assertion; whether it was not seen before.
    pub(super) fn sees_first(&mut self, name: String) -> bool {
        if self.used.contains(&name) {
            return false;
        }
        self.used.push_back(name);
        if self.used.len() > MOST_TOKENS {
            self.used.pop_front();
        }
        true
    }

    /// How often was drawn.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn
    }

    /// Remembers an issued token, in the place of an equal one.
    pub(super) fn remember(&mut self, token: String, facts: Token) {
        if self.tokens.insert(token.clone(), facts).is_none() {
            self.order.push_back(token);
        }
        while self.order.len() > MOST_TOKENS {
            if let Some(oldest) = self.order.pop_front() {
                self.tokens.remove(&oldest);
            }
        }
    }

    /// A living token like this one: of the same client, for the same scope and audience.
    pub(super) fn living(&self, like: &Token, now_ms: u64) -> Option<&String> {
        let same = |facts: &Token| {
            (&facts.client_id, &facts.scope, &facts.audience) == (&like.client_id, &like.scope, &like.audience)
        };
        self.order.iter().find(|token| {
            self.tokens.get(*token).is_some_and(|facts| same(facts) && now_ms < facts.expires_ms && !facts.revoked)
        })
    }

    /// Every issued token, the oldest first.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &String> {
        self.order.iter()
    }

    pub(super) fn token(&self, token: &str) -> Option<&Token> {
        self.tokens.get(token)
    }

    pub(super) fn revoke(&mut self, token: &str) {
        if let Some(facts) = self.tokens.get_mut(token) {
            facts.revoked = true;
        }
    }

    /// Revokes everything that came of one code, or of the whole grant. Source: RFC 6749 §4.1.2, RFC 9700 §4.14.2.
    pub(super) fn revoke_family(&mut self, family: u64, setup: &Setup) {
        let whole = setup.makes(Policy::GrantRevokedWhole);
        let families = if whole { self.flow.whole_grant(family) } else { vec![family] };
        for token in families.into_iter().flat_map(|family| self.flow.revoke_family(family)).collect::<Vec<_>>() {
            self.revoke(&token);
        }
    }
}

const MOST_TOKENS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_tokens_are_forgotten_first() {
        let mut state = State::new([0; 32]);
        let facts = Token {
            client_id: "gl".into(),
            scope: String::new(),
            audience: Vec::new(),
            issued_ms: 0,
            expires_ms: 1,
            revoked: false,
        };
        for n in 0..=MOST_TOKENS {
            state.remember(n.to_string(), facts.clone());
        }
        assert!(state.token("0").is_none() && state.token("1").is_some());
        assert_eq!((state.tokens.len(), state.order.len()), (MOST_TOKENS, MOST_TOKENS));
    }

    #[test]
    fn no_two_draws_are_equal() {
        let mut state = State::new([7; 32]);
        assert_ne!(state.draw(), state.draw());
    }
}
