//! The embedded specs satisfy the rules that a user's own files are held to.

use std::path::Path;

use grantlint::suite;

#[test]
fn the_specs_of_this_repository_have_no_mistake() {
    let folder =
        std::env::var("GRANTLINT_TEST_SPECS").unwrap_or_else(|_| format!("{}/specs", env!("CARGO_MANIFEST_DIR")));
    if let Err(error) = suite::folder_alone(Path::new(&folder)) {
        let suite::Error::Mistakes(files) = &error else { panic!("{error}") };
        let shown: Vec<String> = files.iter().map(ToString::to_string).collect();
        panic!("{error}\n{}", shown.join("\n"));
    }
}
