//! What must hold whatever the server does (DESIGN section 6): green means tested, few and careful requests, the same input gives
//! the same verdicts, a replay gives the live ones.

mod bench;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench::{Held, Scene, filed, hold, line};
use grantlint::report::console::{self, ConsoleOptions, Verbosity};
use grantlint::report::junit::{self, JUnitOptions};
use grantlint::report::model::{Severity, VerdictKind};
use grantlint::suite::files::Risk;
use serde_json::{Value, json};

fn none() -> Vec<String> {
    Vec::new()
}

/// A member of whose exchanges one is like another and cannot show by itself that it works.
fn negatives(held: &Held) -> Vec<String> {
    let negative = |name: &String| {
        let exchange = &held.catalogue.exchanges[name];
        exchange.like.is_some() && exchange.works.is_none()
    };
    let members = held.members.iter().filter(|member| member.roles.values().any(negative));
    members.map(|member| member.check.clone()).collect()
}

#[test]
fn with_a_wrong_secret_no_negative_passes_and_the_run_stops() {
    let mut scene = Scene::with(json!({"target": {"client": {"client_secret": "not-the-secret-at-all"}}}));
    (scene.concurrency, scene.watched) = (1, true);
    let held = hold(&scene);
    let negatives = negatives(&held);
    assert!(negatives.len() > 40, "{}", negatives.len());
    let passed: Vec<String> = held
        .report
        .findings
        .iter()
        .filter(|finding| finding.verdict == VerdictKind::Pass && negatives.contains(&finding.check))
        .filter(|finding| {
            // A sentence on every answer may hold of the refusals that preflight saw.
            held.catalogue.checks[&finding.check].file.also_every.is_none()
        })
        .map(line)
        .collect();
    assert_eq!(passed, none());
    let says = &held.report.diagnosis[0].says;
    assert!(says.contains("refuses these client credentials"), "{says}");
    let with_credentials = held.requests.iter().filter(|(_, request)| {
        request.to_lowercase().contains("authorization: ") || request.contains("client_secret=")
    });
    assert!((1..=3).contains(&with_credentials.count()), "{:?}", held.sent);
    assert_eq!(held.report.exit.code, 3, "{}", held.report.exit.meaning);
}

#[test]
fn a_rate_limiter_is_no_violation_and_no_success() {
    for policy in ["rate.limited", "rate.limited_always"] {
        let held = hold(&Scene::with(json!({"policy": [policy]})));
        assert_eq!(held.of("violation"), none(), "{policy}");
        assert_eq!(held.report.exit.code, 3, "{policy}: {}", held.report.exit.meaning);
    }
}

/// Servers whose state makes order matter: what one request does is seen by another.
const STATEFUL: [&str; 8] = [
    "practice/token-reissued",
    "rfc7009/foreign-token-revoked",
    "rfc7009/revoked-token-active",
    "rfc7009/unknown-client-revokes",
    "rfc6749/expired-token-accepted",
    "practice/ordinary-request-lost",
    "rfc6749/scope-narrowed-silently",
    "coupa/call-out/basic-url-safe-refused",
];

#[test]
fn verdicts_do_not_depend_on_the_order_of_checks() {
    for fault in STATEFUL.iter().map(|id| vec![filed(id)]).chain([Vec::new()]) {
        let base = hold(&Scene { faults: fault.clone(), ..Scene::default() });
        for seed in [1, 2, 3] {
            let shuffled = hold(&Scene { faults: fault.clone(), shuffled: Some(seed), ..Scene::default() });
            assert_ne!(base.members[0].check, shuffled.members[0].check, "the seed {seed} changes the order");
            assert_eq!(base.verdicts(), shuffled.verdicts(), "{fault:?}");
        }
    }
}

#[test]
fn verdicts_do_not_depend_on_concurrency() {
    for fault in STATEFUL.iter().map(|id| vec![filed(id)]).chain([Vec::new()]) {
        let at_once = hold(&Scene { faults: fault.clone(), ..Scene::default() });
        let one_by_one = hold(&Scene { faults: fault.clone(), concurrency: 1, ..Scene::default() });
        assert_eq!(at_once.verdicts(), one_by_one.verdicts(), "{fault:?}");
    }
}

/// A server may take back all that a user granted a client as soon as one code of theirs comes twice (RFC 6749 §4.1.2). Neither does
/// that disturb checks that speak of other codes, nor do those that revoke something help each other out.
#[test]
fn verdicts_do_not_depend_on_how_far_a_replay_reaches() {
    let whole = |skip: &[&str]| vec![bench::fault(json!({"policy": ["grant.revoked_whole"], "skip": skip}))];
    let skipped: [&[&str]; 3] = [&[], &["code.replay_revokes", "refresh.family_revoked"], &["revoke.refresh_too"]];
    for skip in skipped {
        let base = hold(&Scene { faults: whole(skip), ..Scene::default() });
        if skip.is_empty() {
            assert_eq!((base.of("violation"), base.of("not_testable")), (none(), none()));
        } else {
            assert_ne!(base.of("violation"), none(), "{skip:?}");
        }
        for (concurrency, shuffled) in [(1, None), (3, Some(1))] {
            let other = hold(&Scene { faults: whole(skip), concurrency, shuffled, ..Scene::default() });
            assert_eq!(base.verdicts(), other.verdicts(), "{skip:?} {concurrency} {shuffled:?}");
        }
    }
}

/// Takes away what may differ between two runs: times.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["timing", "elapsed_ms", "started"] {
                members.remove(name);
            }
            members.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn two_runs_give_the_same_reports() {
    for faults in [Vec::new(), vec![filed("rfc6749/scope-narrowed-silently")]] {
        let mut scene = Scene { faults, concurrency: 1, ..Scene::default() };
        let first = hold(&scene);
        // Tokens hold the issuer, and the masks keep their shape: the same port makes the same bytes.
        scene.port = first.port;
        let second = hold(&scene);
        let json = |held: &Held| {
            let mut value = json!(held.report);
            without_times(&mut value);
            serde_json::to_string_pretty(&value).unwrap()
        };
        assert_eq!(json(&first), json(&second));
        let junit = |held: &Held| junit::render(&[&held.report], &JUnitOptions::default());
        assert_eq!(junit(&first), junit(&second));
        let options =
            ConsoleOptions { colour: false, links: false, width: 100, verbosity: Verbosity::Verbose, rerun: None };
        let console = |held: &Held| {
            let text = console::render(&held.report, &options);
            // Lines with a time, as in `200 in 3 ms`.
            text.lines().filter(|line| !line.contains(" ms")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(console(&first), console(&second));
    }
}

#[test]
fn a_replay_of_the_masked_recording_gives_the_same_findings() {
    let variations = [json!({}), json!({"policy": ["rate.limited"]}), json!({"policy": ["token.opaque"]})];
    let faults = ["coupa/call-out/jwt-damaged", "practice/secret-echoed", "practice/clients-enumerable"];
    let all = STATEFUL.iter().chain(&faults).map(|id| filed(id)).chain(variations.map(bench::fault));
    for fault in all {
        let held = hold(&Scene { faults: vec![fault.clone()], ..Scene::default() });
        let replayed = held.replayed();
        assert_eq!(json!(held.report.findings), json!(replayed.findings), "{fault:?}");
        assert_eq!(held.report.answers, replayed.answers);
        assert_eq!(held.report.exit, replayed.exit);
    }
}

#[test]
fn safe_sends_nothing_with_a_risk() {
    let risky = |held: &Held| -> Vec<String> {
        let of = |key: &&String| {
            let exchange = held.plan.instances.get(*key).map(|instance| &held.catalogue.exchanges[&instance.exchange]);
            exchange.is_none_or(|exchange| exchange.file.risk != Risk::None)
        };
        held.sent.iter().filter(of).cloned().collect()
    };
    let safe = hold(&Scene { safe: true, ..Scene::default() });
    assert_eq!(risky(&safe), none());
    assert!(!risky(&hold(&Scene::default())).is_empty());
    assert_eq!(safe.of("violation"), none());
    assert!(safe.report.summary.left_out > 0 && safe.report.summary.pass > 40);
}

/// Id and secret of a request, wherever they stand, decoded.
fn credentials(request: &str) -> Option<(String, String)> {
    let (head, body) = request.split_once("\r\n\r\n")?;
    let header = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let (scheme, pair) = value.split_once(' ')?;
        (name.eq_ignore_ascii_case("authorization") && scheme.eq_ignore_ascii_case("basic")).then_some(pair)
    });
    if let Some(pair) = header {
        let pair = STANDARD.decode(pair.replace('-', "+").replace('_', "/")).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (id, secret) = pair.split_once(':')?;
        return Some((id.to_owned(), secret.to_owned()));
    }
    let params: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    Some((params.get("client_id")?.clone(), params.get("client_secret")?.clone()))
}

#[test]
fn at_most_two_guesses_go_at_a_client() {
    for policy in [json!([]), json!(["basic.raw_only"])] {
        let mut scene = Scene::with(json!({"policy": policy}));
        (scene.concurrency, scene.watched) = (1, true);
        let held = hold(&scene);
        assert_eq!(guesses(&held, policy == json!([])), BTreeMap::from([("gl".to_owned(), 2)]), "{policy}");
    }
}

/// Wrong secrets for each client that exists; the form-encoded one is wrong where only the raw pair is taken.
fn guesses(held: &Held, form_decoded: bool) -> BTreeMap<String, usize> {
    let known = [("gl", "s3cret:~~?~+/%"), ("gl2", "0ther-s3cret")];
    let mut guesses: BTreeMap<String, usize> = BTreeMap::new();
    for (id, secret) in held.requests.iter().filter_map(|(_, request)| credentials(request)) {
        let encoded: String = url::form_urlencoded::byte_serialize(known[0].1.as_bytes()).collect();
        let right =
            known.contains(&(id.as_str(), secret.as_str())) || (form_decoded && id == "gl" && secret == encoded);
        if !right && known.iter().any(|(known, _)| *known == id) {
            *guesses.entry(id).or_default() += 1;
        }
    }
    guesses
}

#[test]
fn a_server_that_locks_a_client_after_three_guesses_is_tested_to_the_end() {
    for policy in [json!([]), json!(["basic.raw_only"])] {
        let held = hold(&Scene::with(json!({"policy": policy, "settings": {"lock_after": 3}})));
        let form_encoded = |found: &String| found.starts_with("rfc6749/basic-credentials-not-form-decoded ");
        let others = held.of("violation").into_iter().filter(|found| !form_encoded(found));
        assert_eq!(others.collect::<Vec<_>>(), none(), "{policy}");
        assert_eq!(held.of("not_testable"), none(), "{policy}");
    }
}

#[test]
fn nothing_is_sent_twice_without_a_reason() {
    let held = hold(&Scene { concurrency: 1, watched: true, ..Scene::default() });
    let mut by_bytes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, request) in &held.requests {
        by_bytes.entry(request).or_default().push(key);
    }
    let mut controls: Vec<&str> = held.plan.controls.iter().map(String::as_str).collect();
    let mut repeated = Vec::new();
    for keys in by_bytes.values().filter(|keys| keys.len() > 1) {
        let mut without_reason = 0;
        for key in keys {
            // Repeats, and instances with a story of their own, may not stand for each other.
            if !held.plan.instances[*key].shareable {
                continue;
            }
            without_reason += 1;
            let seen = keys.iter().filter(|other| *other == key).count();
            if let Some(at) = controls.iter().position(|control| control == key).filter(|_| seen > 1) {
                controls.remove(at);
                without_reason -= 1;
            }
        }
        if without_reason > 1 {
            repeated.push(keys.clone());
        }
    }
    assert_eq!(repeated, Vec::<Vec<&str>>::new());
    assert!(held.requests.len() > 60, "{}", held.requests.len());
}

/// The two answers: conforms to RFC 6749, works for Coupa.
fn answers(held: &Held) -> (&str, &str) {
    let answers = &held.report.answers;
    (&answers.conforms["RFC 6749"].answer, &answers.works_for["Coupa call-out"].answer)
}

#[test]
fn a_server_that_refuses_json_conforms_and_does_not_work_for_coupa() {
    assert_eq!(answers(&hold(&Scene::with(json!({"skip": ["json.accepted"]})))), ("yes", "no"));
}

#[test]
fn a_server_that_decodes_one_alphabet_only_conforms_and_does_not_work_for_coupa() {
    let fault = json!({"skip": ["basic.url_safe"], "settings": {"client_secret": "s3cret~~~???x"}});
    let held = hold(&Scene::with(fault));
    assert_eq!(answers(&held), ("yes", "no"));
    assert_eq!(held.report.answers.conforms.get("RFC 7617").map(|answer| answer.answer.as_str()), Some("yes"));
}

#[test]
fn a_life_in_quotes_is_a_warning_of_the_standard_and_does_not_work_for_coupa() {
    let held = hold(&Scene::with(json!({"reply": {"to": "token.issued", "set_member": {"expires_in": "3600"}}})));
    assert_eq!(answers(&held), ("yes", "no"));
    assert!(held.report.answers.conforms["RFC 6749"].warnings > 0);
}

#[test]
fn a_server_can_work_for_coupa_and_not_conform() {
    assert_eq!(answers(&hold(&Scene::with(json!({"skip": ["client.secret_checked"]})))), ("no", "yes"));
}

#[test]
fn the_conforming_server_gives_two_times_yes() {
    assert_eq!(answers(&hold(&Scene::default())), ("yes", "yes"));
}

#[test]
fn a_server_that_demands_pkce_of_everybody_is_tested_to_the_end() {
    let held = hold(&Scene::with(json!({"policy": ["pkce.required"]})));
    assert_eq!(held.of("violation"), none());
    // A caller that sends no challenge gets no further.
    let others = held.of("not_testable").into_iter().filter(|found| !found.starts_with("coupa/api/"));
    assert_eq!(others.collect::<Vec<_>>(), none());
}

#[test]
fn a_target_that_claims_little_is_not_blamed_for_it() {
    let absent = [
        "issuer",
        "revocation_endpoint",
        "introspection_endpoint",
        "registration_endpoint",
        "metadata_url",
        "scope",
        "ungranted_scope",
        "grant_types",
        "token_endpoint_auth_methods",
        "request_content_types",
        "second_client",
        "public_client",
        "resource",
    ];
    let overlay: serde_json::Map<String, Value> = absent.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let held = hold(&Scene::with(json!({"target": overlay})));
    assert_eq!(held.of("violation"), none());
    assert_eq!(held.of("not_testable"), none());
    assert!(held.report.summary.pass > 40, "{:?}", held.report.summary);
    assert_eq!(held.report.exit.code, 0, "{}", held.report.exit.meaning);
}

#[test]
fn every_finding_of_a_callers_suite_says_what_its_administrator_sees() {
    let held = hold(&Scene { suites: vec!["coupa-call-out".into()], ..Scene::default() });
    let without = held.report.findings.iter().filter(|finding| finding.caller_sees.is_none()).map(line);
    assert_eq!(without.collect::<Vec<_>>(), none());
    let broken = hold(&Scene::with(json!({"reply": {"to": "token.issued", "set_member": {"token_type": "mac"}}})));
    let shown =
        broken.report.findings.iter().find(|finding| {
            finding.check == "coupa/call-out/token-type-not-bearer" && finding.severity == Severity::Error
        });
    assert_ne!(shown.unwrap().caller_sees.as_deref(), Some("nothing"));
}

#[test]
fn a_target_that_takes_credentials_in_the_body_only_is_not_blamed_for_refusing_basic() {
    let mut scene = Scene::with(json!({
        "policy": ["basic.refused"],
        "reply": {"to": "metadata", "set_member": {"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"]}},
        "target": {"token_endpoint_auth_methods": ["client_secret_post"], "resource_server": null},
    }));
    scene.suites =
        vec!["oauth2".into(), "bearer-resource".into(), "revocation".into(), "introspection".into(), "metadata".into()];
    let held = hold(&scene);
    assert_eq!(held.of("violation"), none());
    assert_eq!(held.report.exit.code, 0, "{:?}", held.of("not_testable"));
}

#[test]
fn a_third_guess_is_left_out_whoever_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "exchanges/token.secret-guessed.yaml",
            "title: another guess\nlike: token.client_credentials\nauthenticate: { by: basic, client_secret: a-third-guess }\nrisk: guess\n",
        ),
        (
            "checks/own/guessed.yaml",
            "title: another wrong secret is accepted\nlevel: MUST\nsource: [RFC 6749 §2.3.1]\ncovers: [rfc6749-5.2-invalid-client-wrong-secret]\n\
             exchange: token.secret-guessed\nexpect: { /answer: { const: error } }\nwhy: guesses\nfix: refuse\n",
        ),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let scene = Scene { folder: Some(folder.path().to_owned()), concurrency: 1, watched: true, ..Scene::default() };
    let held = hold(&scene);
    assert_eq!(guesses(&held, true), BTreeMap::from([("gl".to_owned(), 2)]));
    assert_eq!(held.report.summary.left_out, 1);
}

#[test]
fn what_changes_something_goes_out_after_what_it_might_disturb() {
    let held = hold(&Scene::default());
    let file = |key: &str| &held.catalogue.exchanges[&held.plan.instances[key].exchange].file;
    let first = held.sent.iter().position(|key| file(key).risk == Risk::Change).unwrap();
    // What may follow: changes, guesses, what waits for a time, what rests on one of them, and the controls; and what sends
    // nothing that a server issued, is no base, and yields nothing that is compared or sent on.
    let plan = &held.plan.instances;
    let sources: BTreeSet<&String> = plan.values().flat_map(|instance| &instance.needs).collect();
    let untouched = |key: &String| {
        plan[key].needs.is_empty() && !sources.contains(key) && file(key).works.is_none() && file(key).repeat.is_none()
    };
    let late = |key: &&String| plan[*key].guess || plan[*key].change || file(key).wait.is_some() || untouched(key);
    let mut may: BTreeSet<&String> = plan.keys().filter(late).collect();
    // What may end a user's grant goes out later still, with its code.
    let episodes = held.plan.episodes(&held.catalogue);
    may.extend(plan.keys().filter(|key| episodes.iter().any(|episode| episode.keys.contains(key.as_str()))));
    loop {
        let rests = plan.values().filter(|instance| {
            instance.needs.iter().chain(&instance.after).chain(&instance.like).any(|key| may.contains(key))
        });
        let more: Vec<&String> = rests.map(|instance| &instance.key).filter(|key| !may.contains(key)).collect();
        if more.is_empty() {
            break;
        }
        may.extend(more);
    }
    may.extend(&held.plan.controls);
    let early: Vec<&String> = held.sent[first..].iter().filter(|key| !may.contains(key)).collect();
    assert_eq!(early, Vec::<&String>::new());
    assert!(first > 20 && held.sent.len() - first > 5);
}
