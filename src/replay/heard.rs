//! One exchange as somebody else recorded it, with what the recording leaves out left out.

/// A request and its answer, as far as they were recorded.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Where it stands, for people: `login.har, entry 3`.
    pub from: String,
    /// The request; `None` where only the answer was recorded.
    pub asked: Option<Asked>,
    /// The answer.
    pub answered: Answered,
    /// When it was sent, in microseconds since the Unix epoch.
    pub began_us: Option<u64>,
    /// How long it took, in microseconds.
    pub took_us: Option<u64>,
    /// The exchange or instance that it is said to be.
    pub name: Option<String>,
    /// Which part of that it is, if it has several.
    pub part: Option<Part>,
    /// Our own recording, masked: facts that a mask does not tell are not in it.
    pub is_masked: bool,
}

/// A part of an exchange of our own: a page of a walk, or a try of what was sent several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// A page of a walk.
    pub is_page: bool,
    /// Why the page was asked for.
    pub cause: String,
    /// How the walk ended; empty before its last page.
    pub ended: String,
    /// Credentials were sent in the walk.
    pub logged_in: bool,
}

/// A request as far as it was recorded.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// In upper case.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Nothing says whether it was http or https.
    pub scheme_guessed: bool,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// `None` where the recording leaves it out, as `curl -v` does.
    pub body: Option<Vec<u8>>,
}

/// An answer as far as it was recorded.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// `None` where there is a body alone.
    pub head: Option<Head>,
    /// `None` where the recording leaves it out.
    pub body: Option<Vec<u8>>,
}

/// Status line and header fields.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Three digits.
    pub status: u16,
    /// `1.1`, `2`, ….
    pub http_version: String,
    /// In the order received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Bytes of it all; 0 if nobody knows.
    pub length: usize,
}

impl Heard {
    /// When it was sent, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn at_ms(&self) -> Option<u64> {
        self.began_us.map(|us| us / 1000)
    }

    /// How long it took, in whole milliseconds.
    #[must_use]
    pub fn elapsed_ms(&self) -> Option<u64> {
        self.took_us.map(|us| (us + 500) / 1000)
    }

    /// When the whole answer was there, in microseconds since the Unix epoch.
    #[must_use]
    pub fn ended_us(&self) -> Option<u64> {
        Some(self.began_us? + self.took_us.unwrap_or(0))
    }
}

impl Head {
    /// The first field of a name, as text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok().map(str::trim)
    }
}

impl Asked {
    /// The first field of a name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// The media type of the body without its parameters, in lower case.
    pub(super) fn essence(&self) -> Option<String> {
        Some(self.field("content-type")?.split(';').next()?.trim().to_ascii_lowercase())
    }
}
