//! `-h` fits a screen, `--help` has everything, and both are the same for every command.

mod common;

use std::path::Path;

use common::{grantlint, run};

/// Words of every command there is, the program itself first.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while let Some(words) = all.get(next).cloned() {
        let below = help(folder, &words, "-h", "100");
        let list = below.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in list {
            all.push([words.clone(), vec![line.split_whitespace().next().unwrap().to_owned()]].concat());
        }
        next += 1;
    }
    all
}

fn help(folder: &Path, words: &[String], flag: &str, columns: &str) -> String {
    let ran = run(grantlint(folder).args(words).arg(flag).env("COLUMNS", columns));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}");
    ran.stdout
}

/// Long flags that a help describes.
fn flags(help: &str) -> Vec<&str> {
    let described = help.lines().filter(|line| line.trim_start().starts_with('-'));
    described.filter_map(|line| line.split_whitespace().find_map(|word| word.strip_prefix("--"))).collect()
}

#[test]
fn the_short_help_of_every_command_fits_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let all = commands(folder.path());
    assert!(all.len() >= 18, "{all:?}");
    for words in &all {
        let help = help(folder.path(), words, "-h", "100");
        assert!(help.lines().count() <= 40, "{words:?} has {} lines:\n{help}", help.lines().count());
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{words:?}: {line}");
            let indent = line.len() - line.trim_start().len();
            assert!(indent <= 6, "{words:?}: an option of more than a line: {line}");
        }
    }
}

#[test]
fn the_long_help_has_every_option_under_a_heading() {
    let folder = tempfile::tempdir().unwrap();
    for words in commands(folder.path()) {
        let (short, long) = (help(folder.path(), &words, "-h", "100"), help(folder.path(), &words, "--help", "100"));
        let (few, all) = (flags(&short), flags(&long));
        assert!(few.iter().all(|flag| all.contains(flag)), "{words:?}: {few:?} {all:?}");
        assert!(all.contains(&"color") && all.contains(&"help"), "{words:?}: {all:?}");
        let widest = long.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{words:?}: {widest}");
    }
    let check = help(folder.path(), &["check".to_owned()], "--help", "100");
    assert!(flags(&check).len() >= 40, "{check}");
    for heading in ["Target:", "What is checked:", "How it is sent:", "How it is reported:", "Exit codes:"] {
        assert!(check.lines().any(|line| line == heading), "{heading}");
    }
}

#[test]
fn a_narrow_terminal_gets_narrow_help() {
    let folder = tempfile::tempdir().unwrap();
    for words in commands(folder.path()) {
        let help = help(folder.path(), &words, "-h", "60");
        // What follows the options is one line that is not wrapped twice; flags themselves are never broken.
        let widest = help
            .lines()
            .filter(|line| !line.starts_with("Exit codes") && !line.starts_with("Usage:"))
            .map(|line| line.chars().count())
            .max();
        assert!(widest.unwrap() <= 60, "{words:?}:\n{help}");
    }
}
