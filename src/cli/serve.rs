//! `grantlint serve`: the reference authorization server, to try clients and this tool against.

use std::time::Duration;

use super::args::ServeArgs;
use super::failure::Failure;
use super::{demo, output, pipeline};
use crate::server::{self, Dialect, Variation};

pub(super) fn run(args: &ServeArgs) -> Result<u8, Failure> {
    let mut dialect = Dialect::default();
    for id in &args.faults {
        dialect.add(demo::fault(id)?)?;
    }
    for id in &args.variations {
        dialect.add(demo::embedded::<Variation>("variations", id)?.into())?;
    }
    pipeline::runtime()?.block_on(async {
        let settings = server::Settings {
            latency: Duration::from_millis(args.latency),
            token_length: args.token_length.and_then(|length| usize::try_from(length).ok()),
            port: args.port,
            dialect,
            ..server::Settings::default()
        };
        let running = server::start(settings).await?;
        let entry = serde_json::json!({"targets": {"reference": running.target()}});
        let text = serde_json::to_string_pretty(&entry).unwrap_or_default();
        // JSON is YAML: what is printed is a target file. Its secrets belong to this server alone.
        output::print(&format!("# listening on {}; stop with Ctrl-C\n{text}\n", running.origin()))?;
        output::tell(
            "save what stands above as reference.yaml, then: grantlint check --config reference.yaml --allow-literal-secrets",
        );
        pipeline::asked_to_stop().await;
        Ok(0)
    })
}
