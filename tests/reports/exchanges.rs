//! The exchanges of the awkward run: ordinary, refused, hostile, repeated, unanswered and odd ones.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::fixture::HOSTILE;

/// Exchange documents by instance key.
pub fn exchanges() -> IndexMap<String, Value> {
    let long = "x".repeat(300);
    let issued = |token: &str| {
        json!({
            "request": { "method": "POST", "url": "https://as.example/oauth/token" },
            "response": { "status": 200, "http_version": "1.1", "headers": {},
                "body": { "text": format!("{{\r\n\t\"padding\": \"{long}\",\r\n\t\"nested\": {{\"b\": [ \"日本\" , 2]}}, \"access_token\": \"{token}\", \"more\": \"{long}\"\r\n}}") } },
            "timing": { "at": 0, "elapsed_ms": 10 }
        })
    };
    IndexMap::from([
        (
            "token.client_credentials".to_owned(),
            json!({
                "title": "client credentials grant", "outcome": "answered", "answer": "token",
                "request": { "method": "POST", "url": "https://as.example/oauth/token",
                    "headers": { "content-type": ["application/x-www-form-urlencoded"], "authorization": ["Basic $CREDENTIALS"] },
                    "body": "grant_type=client_credentials&scope=invoices.read" },
                "response": { "status": 200, "http_version": "1.1",
                    "headers": { "content-type": ["application/json"], "cache-control": ["max-age=60"] },
                    "cache_control": ["max-age=60"],
                    "body": { "text": "{\"access_token\":\"xxXX00\",\"token_type\":\"mac\",\"expires_in\":3600}", "length": 62, "utf8": true } },
                "timing": { "at": 0, "elapsed_ms": 41 }
            }),
        ),
        (
            "token.json-body".to_owned(),
            json!({
                "outcome": "answered", "answer": "http",
                "request": { "method": "POST", "url": "https://as.example/oauth/token" },
                "response": { "status": 415, "http_version": "2", "headers": {}, "body": { "text": "", "length": 0, "utf8": true } },
                "timing": { "at": 60, "elapsed_ms": 12 }
            }),
        ),
        (
            "token.wrong-secret[basic]".to_owned(),
            json!({
                "title": "wrong client secret", "outcome": "answered", "answer": "crash",
                "request": { "method": "POST", "url": "https://as.example/oauth/token" },
                "response": { "status": 500, "http_version": "1.1", "headers": { "content-type": ["text/html"] },
                    "body": { "text": "<html>\n<h1>Whitelabel Error Page</h1>\n::error::pwned\n##[group]\n</html>", "length": 70, "utf8": true } },
                "timing": { "at": 80, "elapsed_ms": 9 }
            }),
        ),
        ("token.wrong-secret[post]".to_owned(), json!({ "outcome": "answered", "timing": { "elapsed_ms": 1 } })),
        (
            "token.hostile".to_owned(),
            json!({
                "title": HOSTILE, "outcome": "answered", "answer": "other",
                "request": { "method": "POST", "url": format!("https://as.example/{HOSTILE}") },
                "response": { "status": 401, "http_version": HOSTILE, "headers": { "x-evil": [HOSTILE], "content-type": ["text/html"] },
                    "body": { "text": format!("{{\"scope\": \"{HOSTILE}\"}}"), "length": 70, "utf8": true } },
                "timing": { "at": 80, "elapsed_ms": 7 }
            }),
        ),
        ("token.repeated".to_owned(), json!({ "title": "twice the same", "all": [issued("aa"), issued("xxxxXX")] })),
        (
            "token.timed-out".to_owned(),
            json!({ "outcome": "timed_out", "request": { "method": "POST", "url": "https://as.example/oauth/revoke" },
                "timing": { "at": 100, "elapsed_ms": 10000 } }),
        ),
        ("odd".to_owned(), json!({ "request": [1], "response": "?", "timing": 7, "all": {} })),
    ])
}
