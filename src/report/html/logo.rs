//! The picture at the head of the page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest picture that is taken, in bytes: it is in every copy of the report.
pub const MOST_BYTES: usize = 512 * 1024;

/// A picture that browsers show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Jpeg,
    Svg,
}

impl Logo {
    /// Takes the content of a file for what it is, whatever the file was called.
    ///
    /// # Errors
    ///
    /// If it is larger than [`MOST_BYTES`], or neither PNG nor JPEG nor SVG.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::TooLarge(bytes.len()));
        }
        let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Kind::Png
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Kind::Jpeg
        } else if is_svg(&bytes) {
            Kind::Svg
        } else {
            return Err(Error::Unknown);
        };
        Ok(Self { kind, bytes })
    }

    /// The picture as an address. An SVG is only ever shown as a picture, where it neither runs scripts nor loads anything.
    #[must_use]
    pub fn data_uri(&self) -> String {
        let media_type = match self.kind {
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Svg => "image/svg+xml",
        };
        format!("data:{media_type};base64,{}", STANDARD.encode(&self.bytes))
    }

    /// What it is called beside the page; `None` for an SVG, which as a file of its own would be a page with scripts.
    #[must_use]
    pub fn file_name(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Png => Some("logo.png"),
            Kind::Jpeg => Some("logo.jpg"),
            Kind::Svg => None,
        }
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a picture is not taken.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More than [`MOST_BYTES`].
    #[error("the logo has {0} bytes, more than {MOST_BYTES}")]
    TooLarge(usize),
    /// Another kind of file.
    #[error("the logo is neither PNG nor JPEG nor SVG")]
    Unknown,
}

impl Error {
    /// What the user can do about it, as one imperative sentence.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "scale the picture down; it is shown 56 pixels high",
            Self::Unknown => "name a file in one of these formats",
        }
    }
}

/// Text with an `svg` element, at its start or behind a declaration or a comment.
fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let prologue = ["<?xml", "<!--", "<!DOCTYPE svg"].iter().any(|start| text.starts_with(start));
    text.starts_with("<svg") || (prologue && text.contains("<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_content() {
        for (bytes, start, file) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], "data:image/png;base64,iVBORw0KGgpyZXN0", Some("logo.png")),
            (&b"\xff\xd8\xff\xe0"[..], "data:image/jpeg;base64,/9j/4A==", Some("logo.jpg")),
            (&b"<svg xmlns='x'/>"[..], "data:image/svg+xml;base64,", None),
            (&b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>"[..], "data:image/svg+xml;base64,", None),
        ] {
            let logo = Logo::from_bytes(bytes.to_vec()).unwrap();
            assert!(logo.data_uri().starts_with(start), "{}", logo.data_uri());
            assert_eq!(logo.file_name(), file);
        }
    }

    #[test]
    fn other_files_and_large_ones_are_refused() {
        for bytes in [&b""[..], b"GIF89a", b"<html><svg/></html>", b"\xff\xfe<svg"] {
            assert_eq!(Logo::from_bytes(bytes.to_vec()), Err(Error::Unknown));
        }
        assert_eq!(Logo::from_bytes(vec![0x89; MOST_BYTES + 1]), Err(Error::TooLarge(MOST_BYTES + 1)));
    }
}
