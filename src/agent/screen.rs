//! What a person does with a page as a real browser shows it, after its scripts have run.
//!
//! The same choices as in a [`Walk`](super::Walk): only, fields are typed into and buttons pressed, and the browser sends.

use std::collections::HashMap;

use super::choose::{self, Decision, Filled};
use super::page::{Form, Page};
use super::{Cause, End, Ended, MOST_SIGHTS, MOST_STEPS, Person, in_circles, not_taken, stays_out};

/// What is done at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Fills the form at this position, and presses its button.
    Submit {
        /// Position among the forms.
        form: usize,
        /// How it is left.
        filled: Filled,
        /// Why.
        cause: Cause,
    },
    /// Presses the link at this position.
    Follow(usize),
    /// Nothing, and if nothing changes the walk ends so.
    End(End),
}

/// The pages of one walk in a real browser.
#[derive(Debug)]
pub struct Screen<'s> {
    person: &'s Person,
    sights: HashMap<String, usize>,
    acts: usize,
    named: bool,
    logged_in: bool,
}

impl<'s> Screen<'s> {
    /// Before the first page.
    #[must_use]
    pub fn new(person: &'s Person) -> Self {
        Self { person, sights: HashMap::new(), acts: 0, named: false, logged_in: false }
    }

    /// Whether credentials were sent in this walk.
    #[must_use]
    pub fn logged_in(&self) -> bool {
        self.logged_in
    }

    /// How a walk ends that has loaded this many pages, if that is too many.
    #[must_use]
    pub fn tired(&self, loaded: usize, page: &Page) -> Option<End> {
        (loaded >= MOST_STEPS).then(|| end(Ended::Loop, in_circles(loaded, &page.quoted())))
    }

    /// What to do at a page; `status` is that of the document.
    #[must_use]
    pub fn decide(&self, page: &Page, status: u16) -> Act {
        let again = self.sights.get(&page.quoted()).copied().unwrap_or(0);
        if again >= MOST_SIGHTS || self.acts >= MOST_STEPS {
            return Act::End(end(Ended::Loop, in_circles(self.acts, &page.quoted())));
        }
        if let Some(at) = page.forms.iter().position(choose::asks_for_password) {
            if self.logged_in {
                return Act::End(end(Ended::Login, not_taken(page)));
            }
            return self.log_in(page, at);
        }
        if status >= 400 {
            return Act::End(end(Ended::ErrorPage, page.quoted()));
        }
        let names = |form: &Form| choose::name_field(form, self.person).is_some();
        if !self.named
            && !self.logged_in
            && let Some(at) = page.forms.iter().position(names)
        {
            return self.log_in(page, at);
        }
        match choose::decision(page, self.person.answer) {
            Decision::Submit(form, filled) => {
                let form = page.forms.iter().position(|one| std::ptr::eq(one, form)).unwrap_or_default();
                Act::Submit { form, filled, cause: Cause::Consent }
            }
            Decision::Follow(link) => Act::Follow(link),
            Decision::Nobody => Act::End(end(Ended::Consent, page.quoted())),
            Decision::Nothing => {
                let ended = if page.says_error() { Ended::ErrorPage } else { Ended::Page };
                Act::End(end(ended, page.quoted()))
            }
        }
    }

    /// Notes what was done.
    pub fn did(&mut self, act: &Act, page: &Page) {
        self.acts += 1;
        *self.sights.entry(page.quoted()).or_default() += 1;
        if let Act::Submit { form, cause: Cause::Credentials, .. } = act {
            self.named = true;
            self.logged_in |= page.forms.get(*form).is_some_and(choose::asks_for_password);
        }
    }

    fn log_in(&self, page: &Page, at: usize) -> Act {
        if let Some(reason) = stays_out(self.person, page) {
            return Act::End(end(Ended::Login, reason));
        }
        let form = &page.forms[at];
        let mut filled = choose::credentials(form, self.person);
        // Where scripts send, any button may be the one; what it says tells.
        if let Some(named) = form.submits.iter().position(choose::logs_in) {
            filled.submit = Some(named);
        }
        Act::Submit { form: at, filled, cause: Cause::Credentials }
    }
}

fn end(ended: Ended, reason: String) -> End {
    End { ended, redirect: None, reason }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Field, Submit};
    use super::*;
    use crate::oauth::Secret;

    fn person(answer: Answer) -> Person {
        Person {
            username: "alice".into(),
            password: Secret::new("pw"),
            username_field: None,
            password_field: None,
            answer,
            refused: None,
        }
    }

    fn field(kind: &str, hints: &str) -> Field {
        Field { kind: kind.into(), hints: hints.into(), on: true, ..Field::default() }
    }

    fn button(label: &str) -> Submit {
        Submit { label: label.into(), ..Submit::default() }
    }

    fn page(text: &str, fields: &[Field], buttons: &[&str]) -> Page {
        let submits = buttons.iter().map(|label| button(label)).collect();
        let form = Form { fields: fields.to_vec(), submits, ..Form::default() };
        Page { text: text.into(), forms: vec![form], ..Page::default() }
    }

    fn login(text: &str) -> Page {
        page(text, &[field("text", "user name"), field("password", "")], &["Show", "Cancel", "Sign in"])
    }

    #[test]
    fn fields_without_names_are_filled_and_the_button_is_known_by_its_words() {
        let person = person(Answer::Consents);
        let Act::Submit { filled, cause, .. } = Screen::new(&person).decide(&login(""), 200) else { panic!() };
        let values: Vec<&str> = filled.fields.iter().map(|field| field.value.as_str()).collect();
        assert_eq!((values, filled.submit, cause), (vec!["alice", "pw"], Some(2), Cause::Credentials));
    }

    #[test]
    fn credentials_are_typed_once() {
        let person = person(Answer::Consents);
        let mut screen = Screen::new(&person);
        let act = screen.decide(&login(""), 200);
        screen.did(&act, &login(""));
        assert!(screen.logged_in());
        let Act::End(end) = screen.decide(&login("Account locked"), 200) else { panic!() };
        assert_eq!(end.ended, Ended::Login);
        assert!(end.reason.contains("not taken: Account locked"), "{}", end.reason);
    }

    #[test]
    fn refused_credentials_are_not_typed_in_the_next_walk() {
        let person = Person { refused: Some("not taken: locked".into()), ..person(Answer::Consents) };
        let Act::End(end) = Screen::new(&person).decide(&login(""), 200) else { panic!() };
        assert!(end.reason.contains("locked") && end.reason.contains("not sent again"), "{}", end.reason);
    }

    #[test]
    fn consent_is_given_or_denied_by_the_words_of_buttons() {
        let consent = page("Coupa asks for invoices", &[], &["Deny", "Allow"]);
        for (answer, pressed) in [(Answer::Consents, 1), (Answer::Denies, 0)] {
            let person = person(answer);
            let Act::Submit { filled, .. } = Screen::new(&person).decide(&consent, 200) else { panic!() };
            assert_eq!(filled.submit, Some(pressed));
        }
    }

    #[test]
    fn a_page_that_stays_the_same_ends_the_walk() {
        let person = person(Answer::Consents);
        let mut screen = Screen::new(&person);
        let same = page("One moment", &[], &["Continue"]);
        for _ in 0..MOST_SIGHTS {
            let act = screen.decide(&same, 200);
            assert!(matches!(act, Act::Submit { .. }));
            screen.did(&act, &same);
        }
        let Act::End(end) = screen.decide(&same, 200) else { panic!() };
        assert_eq!(end.ended, Ended::Loop);
        assert_eq!(screen.tired(MOST_STEPS, &same).map(|end| end.ended), Some(Ended::Loop));
    }

    #[test]
    fn a_page_with_an_error_status_is_one() {
        let person = person(Answer::Consents);
        let gone = Page { text: "Gone".into(), ..Page::default() };
        let Act::End(end) = Screen::new(&person).decide(&gone, 400) else { panic!() };
        assert_eq!((end.ended, end.reason.as_str()), (Ended::ErrorPage, "Gone"));
    }
}
