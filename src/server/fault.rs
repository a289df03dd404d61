//! What a fault or variation file may say. Reading the YAML is the caller's business; these types take its data.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::KeyKind;
use super::names::words;
use super::shape::{Base64Bytes, Delays, Many};
use super::{Policy, Rule};

/// A defect of a server, in the words of the reference server; its path below `fixtures/faults` is its id.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What the faulty server does, as a sentence.
    pub behaviour: String,
    /// Where the rule that is broken stands; optional, since the check names it.
    #[serde(default)]
    pub source: Many<String>,
    /// Lawful choices of the server that are switched on.
    #[serde(default)]
    pub policy: Many<Policy>,
    /// Named rules that the server leaves out.
    #[serde(default)]
    pub skip: Many<Rule>,
    /// Rewrites of answers, applied in order.
    #[serde(default)]
    pub reply: Many<Rewrite>,
    /// Defects of the transport; the first that fits an answer is used.
    #[serde(default)]
    pub wire: Many<Wire>,
    /// How long answers are held back.
    #[serde(default)]
    pub delay_ms: Delays,
    /// Settings of the server that differ from its defaults.
    #[serde(default)]
    pub settings: Overrides,
    /// Laid over the target entry that the server hands out, member by member; `${origin}`, `${port}`,
    /// `${token_endpoint}` and `${token_path}` are the server's own.
    #[serde(default)]
    pub target: Map<String, Value>,
    /// Other checks that fire too, each with its reason; of a variation those that may warn.
    #[serde(default)]
    pub also_trips: IndexMap<String, String>,
}

/// A lawful dialect of a server, in the same words; it must trip nothing, save warnings and notes that it names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// What this server does differently, as a sentence.
    pub behaviour: String,
    /// Who allows it: at least one standard and section.
    pub source: Many<String>,
    /// Lawful choices of the server that are switched on.
    #[serde(default)]
    pub policy: Many<Policy>,
    /// Named rules that no standard demands and that this server leaves out.
    #[serde(default)]
    pub skip: Many<Rule>,
    /// Rewrites of answers, applied in order.
    #[serde(default)]
    pub reply: Many<Rewrite>,
    /// Peculiarities of the transport.
    #[serde(default)]
    pub wire: Many<Wire>,
    /// How long answers are held back.
    #[serde(default)]
    pub delay_ms: Delays,
    /// Settings of the server that differ from its defaults.
    #[serde(default)]
    pub settings: Overrides,
    /// Laid over the target entry that the server hands out, member by member; `${origin}`, `${port}`,
    /// `${token_endpoint}` and `${token_path}` are the server's own.
    #[serde(default)]
    pub target: Map<String, Value>,
    /// Checks that remark on it all the same, as a warning or a note and never as an error, each with its reason.
    #[serde(default)]
    pub may_warn: IndexMap<String, String>,
}

impl From<Variation> for Fault {
    fn from(variation: Variation) -> Self {
        let Variation { behaviour, source, policy, skip, reply, wire, delay_ms, settings, target, may_warn } =
            variation;
        Self { behaviour, source, policy, skip, reply, wire, delay_ms, settings, target, also_trips: may_warn }
    }
}

/// How an answer is rewritten; within one rewrite the members apply in the order in which they stand here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The names of the replies that are rewritten; `*` stands for any run of characters.
    pub to: Many<String>,
    /// The status code, 200 to 599.
    #[serde(default)]
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// Header fields that are left out, in any letter case.
    #[serde(default)]
    pub remove_header: Many<String>,
    /// Header fields that replace all of their name; a list sends the field repeatedly.
    #[serde(default)]
    pub set_header: IndexMap<String, Many<String>>,
    /// Members of the JSON object that are left out.
    #[serde(default)]
    pub remove_member: Many<String>,
    /// Members of the JSON object that are set or added; `${origin}` in a text is the server's own.
    #[serde(default)]
    pub set_member: IndexMap<String, Value>,
    /// Members of the JSON object that get another name: old name to new name.
    #[serde(default)]
    pub rename_member: IndexMap<String, String>,
    /// Parameters of a redirect that are set or added in its query; a list sends the name repeatedly.
    #[serde(default)]
    pub set_parameter: IndexMap<String, Many<String>>,
    /// Parameters of a redirect that are left out of its query.
    #[serde(default)]
    pub remove_parameter: Many<String>,
    /// The client secret that was received is repeated: in `error_description` of an error, else in a member `client_secret`.
    #[serde(default)]
    pub echo_secret: bool,
    /// Members that are written a second time, at the end and with the same value.
    #[serde(default)]
    pub duplicate_member: Many<String>,
    /// The JSON object becomes the value of this only member of another.
    #[serde(default)]
    pub wrap_in: Option<String>,
    /// The body is replaced by this text.
    #[serde(default)]
    pub body: Option<String>,
    /// The body is replaced by these bytes.
    #[serde(default)]
    pub body_base64: Option<Base64Bytes>,
    /// Text before the body.
    #[serde(default)]
    pub prepend: Option<String>,
    /// Text after the body.
    #[serde(default)]
    pub append: Option<String>,
}

/// A defect of the transport and the answers that it strikes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// The names of the replies that are struck; `*` stands for any run of characters.
    pub to: Many<String>,
    /// What happens on the wire instead of a whole answer.
    #[serde(rename = "break")]
    pub breaks: Break,
}

words! {
    /// How an answer is spoilt on its way; none of them goes on for ever or without bound.
    "wire break" Break {
        CloseBeforeHead = "close_before_head": "the connection is closed before a byte was sent",
        CloseInHead = "close_in_head": "the connection is closed in the middle of the header section",
        CloseInBody = "close_in_body": "Content-Length promises more than is sent before the connection is closed",
        HangBeforeHead = "hang_before_head": "nothing is sent, and the connection stays open until the client leaves",
        HangInBody = "hang_in_body": "half of the body is sent, and the connection stays open until the client leaves",
        EndlessBody = "endless_body": "a chunked body goes on until the client leaves, or 256 MiB were sent",
        BigBody = "big_body": "the body is a JSON object of 64 MiB",
        BigHeaders = "big_headers": "the header section has 300 KiB",
        ManyHeaders = "many_headers": "the header section has 5,000 fields",
        NotHttp = "not_http": "the first line is not a status line",
        EmptyReply = "empty_reply": "the server ends its side without a byte and waits for the client to leave",
        Reset = "reset": "the connection is reset",
        DeepJson = "deep_json": "the body is 100,000 nested arrays",
        Trickle = "trickle": "the body comes byte by byte and is never finished",
    }
}

/// Settings of the server that a fault or variation may change.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// Length of every access token in characters, 4 to 65,536; absent: what the format yields.
    #[serde(default)]
    #[schemars(range(min = 4, max = 65_536))]
    pub token_length: Option<usize>,
    /// The longest header field value that is read, in bytes; a longer one is answered 431. Default 16,384, at most 65,536.
    #[serde(default)]
    #[schemars(range(max = 65_536))]
    pub max_header: Option<usize>,
    /// The longest body that is read, in bytes; a longer one is answered 413. Default and most 1,048,576.
    #[serde(default)]
    #[schemars(range(max = 1_048_576))]
    pub max_body: Option<usize>,
    /// Life of an access token in seconds; default 3,600.
    #[serde(default)]
    #[schemars(range(max = 315_360_000))]
    pub expires_in: Option<u64>,
    /// Seconds named by Retry-After when the rate is limited; default 1.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// Milliseconds after which a rate limiter forgets the refused secret; absent: never.
    #[serde(default)]
    pub rate_window_ms: Option<u64>,
    /// Milliseconds by which every answer is held back.
    #[serde(default)]
    #[schemars(range(max = 600_000))]
    pub latency_ms: Option<u64>,
    /// The main client's id.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The main client's secret, which the target entry hands out.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Where the public client, a native app, gets its codes; default `http://127.0.0.1/cb`.
    #[serde(default)]
    pub public_redirect_uri: Option<String>,
    /// The kind of the keys of the main client and of the trusted issuer; default `ed25519`.
    #[serde(default)]
    pub client_key: Option<KeyKind>,
    /// The scopes that the server knows and its clients are registered for; the target entry hands them out.
    ///
    /// Default `invoices.read` and `invoices.write`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub scopes: Option<Vec<String>>,
    /// What is granted where no scope is asked for; default `invoices.read`, or the first of `scopes`.
    #[serde(default)]
    pub default_scope: Option<String>,
    /// Grants that every client may use besides its own: `authorization_code`, `refresh_token`, `password`. Nobody has a password
    /// here, so the last one is always refused; the target entry names them.
    #[serde(default)]
    pub grants: Vec<String>,
    /// So many wrong secrets lock a client, which then fails like an unknown one; absent: never.
    #[serde(default)]
    pub lock_after: Option<u32>,
    /// The server listens with TLS; whoever starts it provides a certificate of this kind.
    #[serde(default)]
    pub tls: Option<TlsOverride>,
    /// Where the metadata stands instead of its well-known place, as in `/metadata`.
    #[serde(default)]
    pub metadata_path: Option<String>,
    /// A path that follows the origin in the issuer, as in `/tenant`; default empty.
    #[serde(default)]
    pub issuer_path: Option<String>,
    /// Laid over the JOSE header of issued JWTs before they are signed; null takes a member away.
    #[serde(default)]
    pub token_header: Map<String, Value>,
    /// Laid over the claims of issued JWTs before they are signed; null takes a claim away.
    #[serde(default)]
    pub token_claims: Map<String, Value>,
}

/// How a server with TLS presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsOverride {
    /// What is right or wrong about the certificate.
    pub certificate: Certificate,
    /// Whether a ClientHello of TLS 1.0 or 1.1 is answered with a ServerHello.
    #[serde(default)]
    pub old_versions: bool,
    /// Whether every ClientHello is answered with a ServerHello of TLS 1.1.
    #[serde(default)]
    pub old_only: bool,
    /// Whether a ClientHello that offers nothing but weak cipher suites is answered with a ServerHello.
    #[serde(default)]
    pub weak_suites: bool,
    /// Whether nothing older than TLS 1.3 is spoken.
    #[serde(default)]
    pub only_newest: bool,
}

words! {
    /// What is right or wrong about the certificate of a server.
    "kind of certificate" Certificate {
        Trusted = "trusted": "issued by an authority that the client knows, for the name that it asks for",
        TrustedForLocalhost = "trusted_for_localhost": "the same, and good for the name localhost too",
        Untrusted = "untrusted": "issued by an authority that the client does not know",
        ForeignName = "foreign_name": "issued for another name",
        Expiring = "expiring": "valid for nine more days",
        Expired = "expired": "valid until yesterday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: serde_json::Value) -> String {
        serde_json::from_value::<Fault>(json).unwrap_err().to_string()
    }

    #[test]
    fn unknown_words_are_refused() {
        let rule = refusal(serde_json::json!({ "behaviour": "x", "skip": ["scope.know"] }));
        assert_eq!(rule, "unknown rule `scope.know`, did you mean `scope.known`?");
        let policy = refusal(serde_json::json!({ "behaviour": "x", "policy": "get.405" }));
        assert!(policy.starts_with("unknown policy `get.405`, did you mean `get.40"), "{policy}");
        let kind = refusal(serde_json::json!({ "behaviour": "x", "wire": { "to": "*", "break": "hang" } }));
        assert!(kind.starts_with("unknown wire break `hang`"), "{kind}");
        let member = refusal(serde_json::json!({ "behaviour": "x", "skips": [] }));
        assert!(member.starts_with("unknown field `skips`"), "{member}");
        assert!(refusal(serde_json::json!({ "skip": [] })).starts_with("missing field `behaviour`"));
    }

    #[test]
    fn a_variation_needs_a_source_and_trips_nothing() {
        let read = |json| serde_json::from_value::<Variation>(json).map_err(|error| error.to_string());
        let sourceless = read(serde_json::json!({ "behaviour": "x" })).unwrap_err();
        assert!(sourceless.starts_with("missing field `source`"), "{sourceless}");
        let tripping = serde_json::json!({ "behaviour": "x", "source": "RFC 6749 §5.1", "also_trips": {} });
        assert!(read(tripping).unwrap_err().starts_with("unknown field `also_trips`"));
        let lawful = serde_json::json!({ "behaviour": "x", "source": ["RFC 6749 §5.1"], "policy": "chunked" });
        assert_eq!(Fault::from(read(lawful).unwrap()).policy.0, [Policy::Chunked]);
        let remarked = serde_json::json!({ "behaviour": "x", "source": "RFC 6749 §5.1", "may_warn": { "a/b": "c" } });
        assert_eq!(Fault::from(read(remarked).unwrap()).also_trips["a/b"], "c");
    }

    #[test]
    fn the_schema_names_every_word_and_describes_every_member() {
        let schema = schemars::schema_for!(Fault).to_value();
        let text = schema.to_string();
        for rule in Rule::ALL {
            assert!(text.contains(&format!("\"const\":\"{rule}\"")), "{rule}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["behaviour"]));
        for (name, member) in schema["properties"].as_object().unwrap() {
            assert!(member["description"].is_string() || member["$ref"].is_string(), "{name}");
        }
    }
}
