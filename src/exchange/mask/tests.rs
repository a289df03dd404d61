use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::forms::json_escape;
use super::*;

const SECRET: &str = "p+ / % & \" < é~~?";

fn sealed(mut document: Value) -> String {
    let mut masks = Masks::new(&[("client_secret".into(), SECRET.into())]);
    masks.note_echoes(&mut document);
    masks.collect(&mut document);
    masks.ready().apply(&mut document);
    document.to_string()
}

#[test]
fn a_secret_is_masked_in_every_encoding() {
    for (n, form) in secret_forms(SECRET).into_iter().enumerate() {
        let shown = sealed(json!({"response": {"body": {"text": format!("<{form}>")}}}));
        assert!(!shown.contains(json_escape(&form).as_str()), "form {n}: {shown}");
        assert!(shown.contains(r#""echoes":["client_secret"]"#), "form {n}: {shown}");
    }
}

#[test]
fn the_basic_pair_is_masked_in_both_alphabets() {
    for id in ["g", "gl", "gl1", "a-longer-id"] {
        for encoded in
            [STANDARD_NO_PAD.encode(format!("{id}:{SECRET}")), URL_SAFE_NO_PAD.encode(format!("{id}:{SECRET}"))]
        {
            let shown = sealed(json!({"request": {"headers": {"authorization": [format!("Basic {encoded}=")]}}}));
            assert!(!shown.contains(&encoded[8..20]), "{shown}");
        }
    }
}

#[test]
fn issued_values_keep_shape_and_identity() {
    let document = json!({"all": [
        {"response": {"json": {"access_token": "Abc-123456"}}}, {"response": {"json": {"access_token": "Xyz-654321"}}},
        {"request": {"headers": {"authorization": ["Bearer Abc-123456"]}}},
    ]});
    let shown: Value = serde_json::from_str(&sealed(document)).unwrap();
    let first = shown.pointer("/all/0/response/json/access_token").unwrap().as_str().unwrap();
    let second = shown.pointer("/all/1/response/json/access_token").unwrap().as_str().unwrap();
    assert_eq!(first, "Xxx-000000");
    assert_ne!(first, second);
    assert_eq!(shown.pointer("/all/2/request/headers/authorization/0").unwrap(), &format!("Bearer {first}"));
}

#[test]
fn a_token_in_a_body_that_is_no_json_is_masked_too() {
    let shown = sealed(json!({"response": {"body": {"text": r#"{"access_token":"q7d8f9s0","token_ty"#}}}));
    assert!(!shown.contains("q7d8f9s0"), "{shown}");
}

#[test]
fn the_credentials_of_a_client_that_was_registered_are_masked() {
    let answer = json!({"client_id": "q1", "client_secret": "w2e3r4t5y6", "registration_access_token": "u7i8o9p0a1"});
    let text = format!("{answer} trailing");
    for document in [
        json!({"response": {"json": answer, "body": {"text": answer.to_string()}}, "request": {"headers": {"authorization": ["Bearer u7i8o9p0a1"]}}}),
        json!({"response": {"body": {"text": text}}}),
    ] {
        let shown = sealed(document);
        assert!(!shown.contains("w2e3r4t5y6") && !shown.contains("u7i8o9p0a1"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_issued_token_survives(token in "[A-Za-z0-9._~+/-]{8,40}") {
        let text = format!("echo {token} {}", form_encode(&token));
        let shown = sealed(json!({"response": {"json": {"access_token": token, "x": text}}}));
        prop_assume!(unlike(&token, &mut HashSet::new()) != token);
        prop_assert!(!shown.contains(&token), "{}", shown);
    }
}

fn sealed_with(secret: &str, mut document: Value) -> Value {
    let mut masks = Masks::new(&[("client_secret".into(), secret.into())]);
    masks.note_echoes(&mut document);
    masks.collect(&mut document);
    masks.ready().apply(&mut document);
    document
}

#[test]
fn a_short_secret_is_masked_as_a_word_and_leaves_other_words_alone() {
    let pair = STANDARD_NO_PAD.encode("gl:abc");
    let shown = sealed_with(
        "abc",
        json!({"request": {"headers": {"authorization": [format!("Basic {pair}==")]}, "body": "client_secret=abc&x=abcd"},
               "response": {"body": {"text": format!("abcabc \"abc\" %20abc {pair}")}}}),
    );
    assert_eq!(shown["request"]["headers"]["authorization"][0], "Basic ***client_secret***==");
    assert_eq!(shown["request"]["body"], "client_secret=***client_secret***&x=abcd");
    let text = shown["response"]["body"]["text"].as_str().unwrap();
    assert_eq!(text, "abcabc \"***client_secret***\" %20***client_secret*** ***client_secret***");
}

#[test]
fn a_secret_that_is_a_word_of_the_protocol_changes_no_answer() {
    for word in ["Bearer", "error", "secret", "1"] {
        let document = json!({"answer": "error", "request": {"params": {"client_secret": word}, "body": format!("client_secret={word}")},
            "response": {"status": 400, "json": {"error": "invalid_client", "token_type": "Bearer"}, "http_version": "1.1"}});
        let shown = sealed_with(word, document);
        assert_eq!(shown["response"]["json"], json!({"error": "invalid_client", "token_type": "Bearer"}), "{word}");
        assert_eq!((&shown["answer"], &shown["response"]["http_version"]), (&json!("error"), &json!("1.1")));
        assert_eq!(shown["response"]["echoes"], json!([]), "{word}");
        assert_eq!(shown["request"]["body"], "client_secret=***client_secret***", "{word}");
        assert_eq!(shown["request"]["params"]["client_secret"], "***client_secret***", "{word}");
    }
}

#[test]
fn a_token_that_is_a_number_is_masked_and_stays_a_number() {
    for token in [json!(73_918_264), json!(7), json!(12_345), json!(u64::MAX), json!(1.5e300)] {
        let shown = sealed_with(
            SECRET,
            json!({"timing": {"elapsed_ms": token}, "response": {"json": {"access_token": token, "expires_in": 3600},
                   "body": {"text": format!(r#"{{"access_token": {token}}}"#)}}}),
        );
        let masked = &shown["response"]["json"]["access_token"];
        assert!(masked.is_number() && *masked != token, "{shown}");
        assert!(!shown["response"]["body"]["text"].as_str().unwrap().contains(&token.to_string()), "{shown}");
        assert_eq!(shown["response"]["json"]["expires_in"], 3600);
        assert_eq!(shown["timing"]["elapsed_ms"], token);
    }
}

#[test]
fn short_tokens_are_masked_where_they_are_meant() {
    for token in ["a", "tk", "Ab3", "t-k.9"] {
        let shown = sealed_with(
            SECRET,
            json!({"answer": "token", "request": {"headers": {"authorization": [format!("Bearer {token}")]}},
                   "response": {"json": {"access_token": token, "note": "a talking token"},
                   "body": {"text": format!(r#"{{"access_token":"{token}"}} access_token={token}"#)}}}),
        );
        let masked = shown["response"]["json"]["access_token"].as_str().unwrap();
        assert_ne!(masked, token);
        assert_eq!(shown["response"]["json"]["note"], "a talking token");
        assert_eq!(shown["request"]["headers"]["authorization"][0], format!("Bearer {masked}"));
        assert_eq!(
            shown["response"]["body"]["text"],
            format!(r#"{{"access_token":"{masked}"}} access_token={masked}"#)
        );
    }
}

#[test]
fn long_tokens_that_begin_alike_are_masked_to_their_ends() {
    let (first, second) = (format!("{}one-1", "a1".repeat(4_000)), format!("{}two-2", "a1".repeat(4_000)));
    let shown = sealed(json!({"all": [
        {"response": {"json": {"access_token": first}}},
        {"response": {"json": {"access_token": second}, "body": {"text": format!("<{second}>{first}")}}},
    ]}));
    assert!(!shown.contains("one-1") && !shown.contains("two-2"));
}

#[test]
fn a_token_under_another_name_or_in_another_syntax_is_masked() {
    for text in [
        r#"{"accessToken":"Zq7-d8f9s0"}"#,
        "access_token=Zq7-d8f9s0&token_type=bearer",
        "<access_token>Zq7-d8f9s0</access_token>",
        "{'access_token': 'Zq7-d8f9s0'}",
        r#""{\"access_token\":\"Zq7-d8f9s0\"}"#,
        "Authorization: Bearer Zq7-d8f9s0Zq7-d8f9s0",
    ] {
        let shown = sealed(json!({"response": {"body": {"text": text}}}));
        assert!(!shown.contains("Zq7-d8f9s0"), "{shown}");
    }
    let shown = sealed(
        json!({"response": {"json": {"accessToken": "Zq7-d8f9s0"}, "headers": {"x-access-token": ["Yq7-d8f9s0"]}}}),
    );
    assert!(!shown.contains("q7-d8f9s0"), "{shown}");
}

#[test]
fn a_mask_is_never_the_value_and_breaks_the_grammars_that_the_value_breaks() {
    let mut taken = HashSet::new();
    for value in ["xxxxxxxx", "00000000", "XXX-xxx", "10000000"] {
        assert_ne!(unlike(value, &mut taken), value);
    }
    assert!(!unlike("tökén-9", &mut taken).is_ascii());
}

#[test]
fn a_word_of_the_protocol_under_a_token_name_changes_no_answer() {
    let document =
        json!({"response": {"json": {"error": "invalid_request", "code": "invalid_request", "token": "invalid"}}});
    let shown = sealed_with(SECRET, document.clone());
    assert_eq!(shown["response"]["json"]["error"], "invalid_request");
}
