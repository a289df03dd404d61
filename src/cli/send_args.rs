//! Flags for how requests are sent.

use std::path::PathBuf;

use clap::Args;

/// How it is sent.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How it is sent")]
pub(super) struct SendArgs {
    /// Send only what a real client sends every day
    ///
    /// Nothing that may lock a client, revoke a token, load the endpoint or leak a secret.
    #[arg(long)]
    pub(super) safe: bool,
    /// Print what would be sent, masked, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Requests under way at once
    #[arg(long, hide_short_help = true, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) concurrency: u16,
    /// Most requests per second; by default no limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) rate: Option<u16>,
    /// Longest wait that a check may ask for, such as 90s or 1h
    ///
    /// Checks that wait longer are left out.
    #[arg(long, hide_short_help = true, value_name = "TIME", default_value = "0s")]
    pub(super) patience: String,
    /// Longest time for one exchange, such as 30s
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<String>,
    /// Log in with a browser of your own: shows each address, takes the redirect
    #[arg(long, hide_short_help = true, conflicts_with_all = ["browser", "webdriver"])]
    pub(super) interactive: bool,
    /// Log in with Chromium, for pages that need JavaScript
    ///
    /// Takes the chromedriver on the PATH.
    #[arg(long)]
    pub(super) browser: bool,
    /// The same with a ChromeDriver that runs already, such as http://127.0.0.1:9515
    #[arg(long, hide_short_help = true, value_name = "URL")]
    pub(super) webdriver: Option<String>,
    /// HTTP proxy
    #[arg(long, hide_short_help = true, value_name = "URL")]
    pub(super) proxy: Option<String>,
    /// File with certificates to trust besides the system's
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Connect to ADDRESS for HOST and PORT, as curl does; may be repeated
    #[arg(long, hide_short_help = true, value_name = "HOST:PORT:ADDRESS")]
    pub(super) resolve: Vec<String>,
}

impl SendArgs {
    /// For commands that send little and plan all.
    pub(super) fn sparing() -> Self {
        Self {
            safe: false,
            dry_run: false,
            concurrency: 1,
            rate: None,
            patience: "0s".to_owned(),
            timeout: None,
            interactive: false,
            browser: false,
            webdriver: None,
            proxy: None,
            cacert: None,
            resolve: Vec::new(),
        }
    }
}
