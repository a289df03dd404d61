//! What a person would put into a form, and which button would be pressed.

use super::page::{Field, Form, Page, Submit};
use super::{Answer, Person};

/// Words on what lets a client in, and names and values of such buttons. German, French and Spanish beside English: those are
/// the languages that the test systems of our users speak.
const YES: [&str; 24] = [
    "allow",
    "accept",
    "approve",
    "authorize",
    "authorise",
    "grant",
    "yes",
    "agree",
    "consent",
    "confirm",
    "continue",
    "permit",
    "next",
    "zulassen",
    "erlauben",
    "zustimmen",
    "weiter",
    "ja",
    "autoriser",
    "accepter",
    "oui",
    "permitir",
    "aceptar",
    "ok",
];
/// Words on what keeps it out.
const NO: [&str; 18] = [
    "deny",
    "cancel",
    "reject",
    "refuse",
    "decline",
    "disallow",
    "abort",
    "no",
    "ablehnen",
    "abbrechen",
    "verweigern",
    "nein",
    "refuser",
    "annuler",
    "non",
    "denegar",
    "rechazar",
    "cancelar",
];
/// What a field for a name is called.
const NAMES: [&str; 10] =
    ["user", "login", "email", "e-mail", "identifier", "account", "uid", "uname", "benutzer", "identifiant"];
/// Words on the buttons of login forms, besides [`YES`].
const LOGIN: [&str; 10] =
    ["log", "login", "sign", "signin", "submit", "anmelden", "einloggen", "connexion", "connecter", "entrar"];
/// Boxes that have nothing to do with the client.
const BESIDE: [&str; 5] = ["remember", "keep", "newsletter", "trust", "stay"];

pub(super) fn asks_for_password(form: &Form) -> bool {
    form.fields.iter().any(|field| field.kind == "password")
}

/// The field for the name: as the target file calls it, by what it is called, or the only one there is beside a password.
pub(super) fn name_field<'f>(form: &'f Form, person: &Person) -> Option<&'f Field> {
    if let Some(name) = &person.username_field {
        return form.fields.iter().find(|field| field.name == *name);
    }
    let typed = |field: &&Field| matches!(field.kind.as_str(), "text" | "email" | "tel");
    let called = |field: &&Field| {
        let name = format!("{} {}", field.name.to_lowercase(), field.hints);
        NAMES.iter().any(|known| name.contains(known))
    };
    let mut all = form.fields.iter().filter(typed);
    all.clone().find(called).or_else(|| all.next().filter(|_| asks_for_password(form)))
}

/// A form as a person leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// All of its fields, in their order.
    pub fields: Vec<Field>,
    /// Position of the button that is pressed.
    pub submit: Option<usize>,
}

impl Filled {
    /// The pairs that are sent.
    pub(super) fn values(&self, form: &Form) -> Vec<(String, String)> {
        let submit = self.submit.and_then(|at| form.submits.get(at));
        Form { fields: self.fields.clone(), ..Form::default() }.values(submit)
    }
}

/// A login form filled in, its first button pressed that does not turn away.
pub(super) fn credentials(form: &Form, person: &Person) -> Filled {
    let mut fields = form.fields.clone();
    let name = name_field(form, person).map(|field| field.name.clone());
    let password = |field: &Field| match &person.password_field {
        Some(name) => field.name == *name,
        None => field.kind == "password",
    };
    for field in &mut fields {
        if password(field) {
            person.password.expose().clone_into(&mut field.value);
        } else if Some(&field.name) == name.as_ref() {
            person.username.clone_into(&mut field.value);
        }
    }
    Filled { fields, submit: form.submits.iter().position(|submit| !says(submit, &NO)) }
}

/// What a person does with a page that has no password field.
#[derive(Debug)]
pub(super) enum Decision<'p> {
    /// Sends a form.
    Submit(&'p Form, Filled),
    /// Follows the link at this position.
    Follow(usize),
    /// There is a form, and nobody to answer.
    Nobody,
    /// There is nothing to do.
    Nothing,
}

pub(super) fn decision(page: &Page, answer: Answer) -> Decision<'_> {
    let forms: Vec<&Form> =
        page.forms.iter().filter(|form| !form.submits.is_empty() || !form.fields.is_empty()).collect();
    if answer == Answer::Absent {
        return if forms.is_empty() { Decision::Nothing } else { Decision::Nobody };
    }
    let wanted: &[&str] = if answer == Answer::Denies { &NO } else { &YES };
    let unwanted: &[&str] = if answer == Answer::Denies { &YES } else { &NO };
    for form in &forms {
        let submit = form.submits.iter().position(|submit| says(submit, wanted) && !says(submit, unwanted));
        if submit.is_some() {
            return Decision::Submit(form, answered(form, submit, answer));
        }
    }
    if let Some(link) = page.links.iter().position(|(text, _)| has_word(text, wanted)) {
        return Decision::Follow(link);
    }
    // Words of another language, or of none: the first button is the one that goes on, the last one that turns away.
    match forms.first() {
        Some(form) if answer == Answer::Consents => {
            let submit = form.submits.iter().position(|submit| !says(submit, unwanted));
            Decision::Submit(form, answered(form, submit, answer))
        }
        Some(form) => Decision::Submit(form, answered(form, form.submits.len().checked_sub(1), answer)),
        None => Decision::Nothing,
    }
}

/// The values of a form for consent: boxes and choices set as the answer wants them.
fn answered(form: &Form, submit: Option<usize>, answer: Answer) -> Filled {
    let mut filled = Filled { fields: form.fields.clone(), submit };
    let consents = answer == Answer::Consents;
    let wanted: &[&str] = if consents { &YES } else { &NO };
    for at in 0..filled.fields.len() {
        let field = &filled.fields[at];
        match field.kind.as_str() {
            "checkbox" => {
                let name = format!("{} {}", field.name.to_lowercase(), field.hints);
                let beside = BESIDE.iter().any(|word| name.contains(word));
                filled.fields[at].on = if beside { field.on } else { consents };
            }
            "radio" if has_word(&format!("{} {}", field.value, field.hints), wanted) => {
                let name = field.name.clone();
                for other in filled.fields.iter_mut().filter(|other| other.kind == "radio" && other.name == name) {
                    other.on = false;
                }
                filled.fields[at].on = true;
            }
            _ => {}
        }
    }
    filled
}

fn says(submit: &Submit, words: &[&str]) -> bool {
    [&submit.label, &submit.name, &submit.value].into_iter().any(|text| has_word(text, words))
}

/// Whether a button sends a login form, by its words.
pub(super) fn logs_in(submit: &Submit) -> bool {
    (says(submit, &LOGIN) || says(submit, &YES)) && !says(submit, &NO)
}

/// Whether a button turns a client away, by its words.
pub(super) fn says_no(submit: &Submit) -> bool {
    says(submit, &NO) && !says(submit, &YES)
}

/// Whether one of the words stands in a text as a word.
fn has_word(text: &str, words: &[&str]) -> bool {
    text.to_lowercase().split(|c: char| !c.is_alphabetic()).any(|word| words.contains(&word))
}
