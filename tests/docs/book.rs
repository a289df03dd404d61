//! The book: every page is in its summary, no link is dead, and all of it can be written as HTML, with a page for each check.
//!
//! `cargo test --test docs book` writes it to `book` in the target folder. Pages of checks are written there only: five hundred files that repeat
//! `specs/checks` would bury every other change to the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use grantlint::suite;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::support::{root, slug, text};

/// Where check files are, as the pages of `docs` see them; in the book each has a page.
const CHECKS: &str = "../specs/checks/";

fn parsed(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
}

/// Names that links can lead to within a page, as GitHub makes them.
fn anchors(markdown: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut heading: Option<String> = None;
    for event in parsed(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            Event::End(TagEnd::Heading(_)) => {
                let first = slug(&heading.take().unwrap());
                let taken = |name: &String| anchors.contains(name);
                let name = (1..).map(|n| format!("{first}-{n}"));
                let name = std::iter::once(first.clone()).chain(name).find(|name| !taken(name)).unwrap();
                anchors.push(name);
            }
            _ => {}
        }
    }
    anchors
}

fn links(markdown: &str) -> Vec<String> {
    parsed(markdown)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
            _ => None,
        })
        .collect()
}

fn is_foreign(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://") || link.starts_with("mailto:")
}

/// `a/b/../c` without the detour.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            straight.pop();
        } else {
            straight.push(part)
        }
    }
    straight
}

/// What a relative link of a page leads to: a path from the root, and a place in that page.
fn led_to(page: &str, link: &str) -> (PathBuf, Option<String>) {
    let (path, place) = link.split_once('#').map_or((link, None), |(path, place)| (path, Some(place.to_owned())));
    let path = if path.is_empty() { PathBuf::from(page) } else { Path::new(page).parent().unwrap().join(path) };
    (straight(&path), place)
}

/// Pages that may hold links: those for users, and the design.
fn pages() -> Vec<String> {
    let mut pages = crate::support::pages();
    pages.push("docs/design.md".to_owned());
    pages
}

/// Titles and pages of the summary, with their depth.
fn chapters() -> Vec<(usize, String, String)> {
    let summary = text("docs/SUMMARY.md");
    let lines = summary.lines().filter(|line| line.trim_start().starts_with("- ["));
    lines
        .map(|line| {
            let entry = line.trim_start();
            let (title, page) = entry[3..].strip_suffix(')').unwrap().split_once("](").unwrap();
            ((line.len() - entry.len()) / 2, title.to_owned(), page.to_owned())
        })
        .collect()
}

#[test]
fn no_link_of_a_page_is_dead() {
    let mut dead = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for link in links(&text(&page)).into_iter().filter(|link| !is_foreign(link)) {
            seen += 1;
            let (path, place) = led_to(&page, &link);
            if !root(&path.to_string_lossy()).exists() {
                dead.push(format!("{page}: {link}: there is no {}", path.display()));
            } else if let Some(place) = place
                && !anchors(&text(&path.to_string_lossy())).contains(&place)
            {
                dead.push(format!("{page}: {link}: no such heading"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(seen > 500, "only {seen} links were found");
}

#[test]
fn every_page_is_in_the_summary() {
    let named: BTreeSet<String> = chapters().into_iter().map(|(_, _, page)| format!("docs/{page}")).collect();
    let there: BTreeSet<String> =
        pages().into_iter().filter(|page| page.starts_with("docs/") && page != "docs/SUMMARY.md").collect();
    assert_eq!(named, there);
}

/// The faults that a check was seen failing with: their ids and what the server does.
fn faults(all: &serde_json::Value, check: &str) -> Vec<(String, String)> {
    let more = format!("{check}.");
    let of = all["faults"].as_object().unwrap().iter().filter(|(id, _)| *id == check || id.starts_with(&more));
    of.map(|(id, fault)| (id.clone(), fault["behaviour"].as_str().unwrap().trim().to_owned())).collect()
}

/// The page of a check.
fn of_check(check: &suite::Check, statements: &BTreeMap<&str, &str>, fixtures: &serde_json::Value) -> String {
    let file = &check.file;
    let mut page = format!("# {}\n\n`{}`: {}\n\n", file.title, check.id, file.level.word());
    writeln!(page, "## Requirement\n\n{}\n", file.source.join(", ")).unwrap();
    for row in &file.covers {
        if let Some(statement) = statements.get(row.as_str()) {
            writeln!(page, "- {} (`{row}`)", statement.trim()).unwrap();
        }
    }
    write!(page, "\n## Why it matters\n\n{}\n\n## How to fix it\n\n{}\n\n", file.why.trim(), file.fix.trim()).unwrap();
    let source = text(&format!("specs/checks/{}.yaml", check.id));
    write!(
        page,
        "## The check\n\n`grantlint explain {}` puts it into words.\n\n```yaml\n{}\n```\n\n",
        check.id,
        source.trim_end()
    )
    .unwrap();
    page.push_str("## Seen failing\n\nThe check was seen failing at servers that do this:\n\n");
    for (id, behaviour) in faults(fixtures, &check.id) {
        writeln!(
            page,
            "- {} (`grantlint serve --fault {id}`)",
            behaviour.split_whitespace().collect::<Vec<_>>().join(" ")
        )
        .unwrap();
    }
    page
}

/// A link of a page in `docs` as the book has it; nothing if it leads out of the book.
fn in_the_book(link: &str) -> Option<String> {
    if is_foreign(link) || link.starts_with('#') {
        return Some(link.to_owned());
    }
    if let Some(check) = link.strip_prefix(CHECKS) {
        return Some(format!("checks/{}.html", check.strip_suffix(".yaml")?));
    }
    let (path, place) = link.split_once('#').map_or((link, String::new()), |(path, place)| (path, format!("#{place}")));
    let page = path.strip_suffix(".md").filter(|page| !page.contains('/'))?;
    Some(format!("{page}.html{place}"))
}

const STYLE: &str = "\
:root { color-scheme: light dark } body { font: 1rem/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1rem; display: grid;
grid-template-columns: 15rem minmax(0, 1fr); gap: 2.5rem } nav ul { list-style: none; padding-left: .8rem } nav > ul { padding: 0 }
table { border-collapse: collapse; display: block; overflow-x: auto } td, th { border: 1px solid #8888; padding: .2rem .5rem; text-align: left; vertical-align: top }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8888 } code { font-size: .9em } @media (max-width: 50rem) { body { display: block } }
";

/// The chapters as lists within the entries that they belong to: a list takes nothing but entries.
fn contents(up: &str, chapters: &[(usize, String, String)]) -> String {
    let mut nav = String::new();
    let mut open = 0;
    for (depth, title, page) in chapters {
        if *depth == open {
            // An entry ends where its sibling begins, if there is one before.
            nav.push_str("<ul>");
            open += 1;
        } else {
            while open > depth + 1 {
                nav.push_str("</li></ul>");
                open -= 1;
            }
            nav.push_str("</li>");
        }
        assert_eq!(open, depth + 1, "{title} is deeper than the entry before it has room for");
        write!(nav, "<li><a href=\"{up}{}.html\">{title}</a>", page.trim_end_matches(".md")).unwrap();
    }
    nav + &"</li></ul>".repeat(open)
}

/// A page of the book.
fn as_html(title: &str, markdown: &str, up: &str, chapters: &[(usize, String, String)]) -> String {
    let mut names = anchors(markdown).into_iter();
    let mut outside = false;
    let events = parsed(markdown).map(|event| match event {
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            Event::Start(Tag::Heading { level, id: names.next().map(CowStr::from), classes, attrs })
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => match in_the_book(&dest_url) {
            Some(link) => Event::Start(Tag::Link { link_type, dest_url: link.into(), title, id }),
            None => {
                outside = true;
                Event::Start(Tag::Emphasis)
            }
        },
        Event::End(TagEnd::Link) if std::mem::take(&mut outside) => Event::End(TagEnd::Emphasis),
        other => other,
    });
    let mut content = String::new();
    html::push_html(&mut content, events);
    let nav = contents(up, chapters);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} · grantlint</title><link rel=\"stylesheet\" href=\"{up}book.css\"></head>\n\
         <body><nav>{nav}</nav><main>\n{content}</main></body></html>\n"
    )
}

#[test]
fn the_book_is_written_and_whole() {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("book");
    if to.exists() {
        fs::remove_dir_all(&to).unwrap();
    }
    let mut pages: BTreeMap<PathBuf, String> = BTreeMap::new();
    let chapters = chapters();
    for (_, title, page) in &chapters {
        let markdown = text(&format!("docs/{page}"));
        pages.insert(Path::new(page).with_extension("html"), as_html(title, &markdown, "", &chapters));
    }
    let first = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>grantlint</title><meta http-equiv=\"refresh\" content=\"0; url={0}\"><a href=\"{0}\">grantlint</a>\n",
        chapters[0].2.replace(".md", ".html")
    );
    pages.insert("index.html".into(), first);
    let (catalogue, fixtures) = (suite::embedded(), serde_json::to_value(suite::fixtures()).unwrap());
    let ledger = suite::ledger::Ledger::of(&catalogue).unwrap();
    let statements = ledger.rows.iter().map(|row| (row.id.as_str(), row.statement.as_str())).collect();
    for check in catalogue.checks.values() {
        let up = "../".repeat(check.id.matches('/').count() + 1);
        let markdown = of_check(check, &statements, &fixtures);
        assert!(markdown.contains("serve --fault"), "{} was never seen failing", check.id);
        pages.insert(format!("checks/{}.html", check.id).into(), as_html(&check.file.title, &markdown, &up, &chapters));
    }
    for (path, page) in &pages {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, page).unwrap();
    }
    fs::write(to.join("book.css"), STYLE).unwrap();
    let dead = dead_links(&pages);
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    println!("{} pages in {}", pages.len(), to.display());
}

/// Links within the written pages that lead to no page, or to no place in it.
fn dead_links(pages: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let link = regex::Regex::new("href=\"([^\"]*)\"").unwrap();
    let mut dead = Vec::new();
    for (path, page) in pages {
        for found in link.captures_iter(page).map(|found| found[1].to_owned()) {
            if is_foreign(&found) || found.ends_with("book.css") {
                continue;
            }
            let (to, place) = led_to(&path.to_string_lossy(), &found);
            let there =
                pages.get(&to).is_some_and(|page| place.is_none_or(|place| page.contains(&format!(" id=\"{place}\""))));
            if !there {
                dead.push(format!("{}: {found}", path.display()));
            }
        }
    }
    dead
}
