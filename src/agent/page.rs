//! What of an HTML page matters to who walks on: forms, refreshes, scripts that lead elsewhere, links, and the text.

use std::sync::LazyLock;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// A page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// The text a person reads, without scripts and styles.
    pub text: String,
    /// In order.
    pub forms: Vec<Form>,
    /// Where a `Refresh` of a meta element leads.
    pub refresh: Option<String>,
    /// Where a script sets the location to, if it does so with a text.
    pub script_target: Option<String>,
    /// Text and target of links.
    pub links: Vec<(String, String)>,
    /// It has a script of any kind.
    pub scripts: bool,
}

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent; `None` if that is no URL.
    pub action: Option<Url>,
    /// POST, or else GET.
    pub post: bool,
    /// In order.
    pub fields: Vec<Field>,
    /// Its buttons, in order.
    pub submits: Vec<Submit>,
    /// Nothing to see, and a script that sends it.
    pub sends_itself: bool,
}

/// A field of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name; without one it is not sent.
    pub name: String,
    /// `hidden`, `text`, `password`, `checkbox`, `radio`, `select` …, in lower case.
    pub kind: String,
    /// The value it has.
    pub value: String,
    /// Ticked or chosen; true for all other kinds.
    pub on: bool,
    /// What else names it to a person or a browser: id, autocomplete, placeholder, label; in lower case.
    pub hints: String,
}

/// A button that sends a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submit {
    /// Its name, perhaps empty.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What stands on it.
    pub label: String,
    /// Where it sends the form, if elsewhere.
    pub action: Option<Url>,
}

impl Form {
    /// The pairs that are sent with the form as it stands, and with a button.
    #[must_use]
    pub fn values(&self, submit: Option<&Submit>) -> Vec<(String, String)> {
        let fields = self.fields.iter().filter(|field| field.on && !field.name.is_empty());
        let mut values: Vec<_> = fields.map(|field| (field.name.clone(), field.value.clone())).collect();
        values.extend(
            submit.filter(|submit| !submit.name.is_empty()).map(|submit| (submit.name.clone(), submit.value.clone())),
        );
        values
    }
}

impl Page {
    /// Reads a page that came from `url`.
    #[must_use]
    pub fn read(url: &Url, body: &str) -> Self {
        let html = Html::parse_document(body);
        let base = select(&html, &BASE).find_map(|element| url.join(element.value().attr("href")?).ok());
        let base = base.unwrap_or_else(|| url.clone());
        let scripts: String = select(&html, &SCRIPT).flat_map(|element| element.text()).collect();
        let onload = select(&html, &BODY).find_map(|element| element.value().attr("onload")).unwrap_or_default();
        let code = format!("{onload}\n{scripts}");
        let sends = SENDS.is_match(&code);
        let text: String = html
            .root_element()
            .descendants()
            .filter_map(|node| {
                let parent = node.parent().and_then(ElementRef::wrap)?;
                let shown = !matches!(parent.value().name(), "script" | "style" | "title" | "noscript");
                node.value().as_text().filter(|_| shown).map(|text| format!("{} ", &**text))
            })
            .collect();
        let parts = Parts {
            fields: select(&html, &FIELD).take(MOST_CONTROLS).collect(),
            buttons: select(&html, &BUTTON).take(MOST_CONTROLS).collect(),
            labels: select(&html, &LABEL).take(MOST_CONTROLS).collect(),
        };
        Self {
            title: select(&html, &TITLE).flat_map(|element| element.text()).collect::<String>().trim().to_owned(),
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            forms: select(&html, &FORM)
                .take(MOST_FORMS)
                .map(|element| form(&parts, element, url, &base, sends))
                .collect(),
            refresh: select(&html, &META)
                .filter(|meta| meta.value().attr("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh")))
                .find_map(|meta| refresh_target(meta.value().attr("content")?)),
            script_target: LOCATION.captures(&code).map(|found| unescaped(&found[1])),
            links: select(&html, &LINK)
                .filter_map(|link| Some((words(link), base.join(link.value().attr("href")?).ok()?.into())))
                .collect(),
            scripts: select(&html, &SCRIPT).next().is_some(),
        }
    }

    /// Whether its text speaks of something that went wrong.
    pub(super) fn says_error(&self) -> bool {
        let text = self.text.to_lowercase();
        ["error", "invalid", "denied", "forbidden", "locked"].iter().any(|word| text.contains(word))
    }

    /// Title and text, cut to a sentence's length.
    #[must_use]
    pub fn quoted(&self) -> String {
        super::quoted(&format!("{} {}", self.title, self.text))
    }
}

/// What belongs to the forms of a page, in order.
struct Parts<'h> {
    fields: Vec<ElementRef<'h>>,
    buttons: Vec<ElementRef<'h>>,
    labels: Vec<ElementRef<'h>>,
}

// Nobody fills more, and finding out what belongs to what takes time that grows with the product of these.
const MOST_FORMS: usize = 50;
/// Fields, buttons and labels, of each.
const MOST_CONTROLS: usize = 500;
/// How far above a field its form or label may stand.
const MOST_LEVELS: usize = 500;
/// Characters of a label that are read.
const MOST_LABEL: usize = 1_000;

macro_rules! selectors {
    ($($name:ident: $selector:literal),* $(,)?) => {
        $(static $name: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse($selector).ok());)*
    };
}

selectors! {
    BASE: "base[href]",
    BODY: "body",
    BUTTON: "button, input[type=submit], input[type=image]",
    FIELD: "input, select, textarea",
    FORM: "form",
    LABEL: "label",
    LINK: "a[href]",
    META: "meta[http-equiv]",
    OPTION: "option",
    SCRIPT: "script",
    TITLE: "title",
}

/// `.submit()`, `requestSubmit()`, or a click on a button by a script.
static SENDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\.\s*(submit|requestSubmit)\s*\(|\.click\s*\("));
/// `location = "…"`, `location.href = '…'`, `location.replace("…")`, `location.assign("…")`.
static LOCATION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)\blocation(?:\.href)?\s*(?:=|\.(?:replace|assign)\s*\()\s*["']([^"'\n]+)["']"#));
static REFRESH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)^\s*[\d.]*\s*[;,]?\s*(?:url\s*=)?\s*["']?([^"']+?)["']?\s*$"#));

#[allow(clippy::expect_used, reason = "a literal")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a sound pattern")
}

fn select<'h>(html: &'h Html, selector: &'static LazyLock<Option<Selector>>) -> impl Iterator<Item = ElementRef<'h>> {
    let found: Vec<ElementRef<'h>> =
        selector.as_ref().map(|selector| html.select(selector).collect()).unwrap_or_default();
    found.into_iter()
}

/// Where `0; url=…` leads; nowhere if only a time is given.
pub(super) fn refresh_target(content: &str) -> Option<String> {
    let target = REFRESH.captures(content)?.get(1)?.as_str().trim();
    (!target.is_empty() && !target.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')).then(|| target.to_owned())
}

/// A text of JavaScript without its escapes for `/`, `&` and the like.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = match rest.chars().next() {
            Some('u') => 4,
            Some('x') => 2,
            _ => 0,
        };
        let code = rest.get(1..=digits).filter(|_| digits > 0).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            out.push(c);
            rest = &rest[digits + 1..];
        }
    }
    out.push_str(rest);
    out
}

fn words(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an element stands somewhere in another one.
fn stands_in(element: ElementRef<'_>, outer: ElementRef<'_>) -> bool {
    element.ancestors().take(MOST_LEVELS).any(|node| node.id() == outer.id())
}

fn form(parts: &Parts<'_>, element: ElementRef<'_>, url: &Url, base: &Url, sends: bool) -> Form {
    let attribute = |name: &str| element.value().attr(name);
    let target = |action: &str| base.join(action.trim()).ok();
    let id = attribute("id").filter(|id| !id.is_empty());
    // A field may stand outside of its form and name it.
    let own = |field: &&ElementRef<'_>| match field.value().attr("form") {
        Some(named) => Some(named) == id,
        None => stands_in(**field, element),
    };
    let fields: Vec<Field> =
        parts.fields.iter().filter(own).filter_map(|element| field(&parts.labels, *element)).collect();
    let submits: Vec<Submit> = parts
        .buttons
        .iter()
        .filter(own)
        .filter(|button| {
            button
                .value()
                .attr("type")
                .is_none_or(|kind| !kind.eq_ignore_ascii_case("button") && !kind.eq_ignore_ascii_case("reset"))
        })
        .map(|button| {
            let attribute = |name: &str| button.value().attr(name).unwrap_or_default().to_owned();
            let text = words(*button);
            Submit {
                name: attribute("name"),
                value: attribute("value"),
                label: if text.is_empty() { attribute("value") } else { text },
                action: button.value().attr("formaction").and_then(target),
            }
        })
        .collect();
    let seen = fields.iter().any(|field| field.kind != "hidden");
    Form {
        action: match attribute("action").map(str::trim) {
            None | Some("") => Some(url.clone()),
            Some(action) => target(action),
        },
        post: attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
        sends_itself: sends && !seen,
        fields,
        submits,
    }
}

/// A field with what it has; buttons and what is disabled are none.
fn field(labels: &[ElementRef<'_>], element: ElementRef<'_>) -> Option<Field> {
    let attribute = |name: &str| element.value().attr(name).unwrap_or_default();
    let kind = match element.value().name() {
        "input" => match attribute("type") {
            "" => "text".to_owned(),
            kind => kind.to_ascii_lowercase(),
        },
        name => name.to_owned(),
    };
    if matches!(kind.as_str(), "submit" | "image" | "button" | "reset" | "file")
        || element.value().attr("disabled").is_some()
    {
        return None;
    }
    let ticked = matches!(kind.as_str(), "checkbox" | "radio");
    let value = match kind.as_str() {
        "select" => {
            let options: Vec<ElementRef<'_>> =
                OPTION.as_ref().map(|option| element.select(option).collect()).unwrap_or_default();
            let chosen = options.iter().find(|option| option.value().attr("selected").is_some()).or(options.first());
            chosen
                .map(|option| option.value().attr("value").map_or_else(|| words(*option), str::to_owned))
                .unwrap_or_default()
        }
        "textarea" => element.text().collect(),
        _ => element.value().attr("value").unwrap_or(if ticked { "on" } else { "" }).to_owned(),
    };
    let id = attribute("id");
    let labels: String = labels
        .iter()
        .filter(|label| (!id.is_empty() && label.value().attr("for") == Some(id)) || stands_in(element, **label))
        .map(|label| {
            let text: String = label.text().flat_map(str::chars).take(MOST_LABEL).collect();
            format!(" {}", text.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    let hints =
        format!("{id} {} {} {}{labels}", attribute("autocomplete"), attribute("placeholder"), attribute("aria-label"));
    Some(Field {
        name: attribute("name").to_owned(),
        on: !ticked || element.value().attr("checked").is_some(),
        kind,
        value,
        hints: hints.to_lowercase(),
    })
}
