//! What a page loads from elsewhere while a person looks at it.

use std::sync::LazyLock;

use scraper::{Html, Selector};
use url::Url;

/// Most origins of a page that are told.
const MOST: usize = 100;

/// Origins other than the page's own that it loads scripts, styles, images or frames from, each once, in order: the first hundred.
///
/// Links and forms are left alone: nothing is sent there before the person does something.
#[must_use]
pub fn embedded_origins(url: &Url, body: &str) -> Vec<String> {
    let html = Html::parse_document(body);
    let mut origins = Vec::new();
    for element in LOADS.iter().flat_map(|selector| html.select(selector)) {
        let place = ["src", "href", "data"].iter().find_map(|name| element.value().attr(name));
        let Some(place) = place.and_then(|place| url.join(place.trim()).ok()).filter(Url::has_host) else { continue };
        let origin = place.origin();
        let text = origin.ascii_serialization();
        if origin != url.origin() && !origins.contains(&text) {
            origins.push(text);
        }
        if origins.len() == MOST {
            break;
        }
    }
    origins
}

static LOADS: LazyLock<Option<Selector>> = LazyLock::new(|| {
    Selector::parse(
        "script[src], img[src], iframe[src], frame[src], embed[src], object[data], link[rel~=stylesheet][href], link[rel~=icon][href]",
    )
    .ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_loaded_from_elsewhere_counts() {
        let url = Url::parse("https://as.example/login").unwrap();
        let page = r#"<link rel="stylesheet" href="//cdn.example/a.css"><img src="/logo.png"><img src="data:image/png;base64,AA">
            <script src="https://cdn.example/b.js"></script><a href="https://client.example/">x</a>
            <iframe src="https://ads.example:8443/"></iframe><script src="https://as.example:443/own.js"></script>"#;
        assert_eq!(
            embedded_origins(&url, page),
            ["https://cdn.example", "https://ads.example:8443"].map(str::to_owned)
        );
    }

    #[test]
    fn a_page_of_its_own_embeds_nothing() {
        let url = Url::parse("https://as.example/login").unwrap();
        assert_eq!(embedded_origins(&url, "<p>Hello</p>"), Vec::<String>::new());
    }

    #[test]
    fn of_origins_without_number_the_first_are_told() {
        let url = Url::parse("https://as.example/login").unwrap();
        let page: String = (0..1_000).map(|nth| format!("<img src=//cdn{nth}.example/x>")).collect();
        assert_eq!(embedded_origins(&url, &page).len(), 100);
    }
}
