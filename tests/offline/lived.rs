//! A run against the reference server, and what others would have recorded of it.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantlint::clock::{Clock, ManualClock};
use grantlint::judge::{Court, Judgement, Verdict};
use grantlint::plan::{self, Options};
use grantlint::replay::{self, File, Heard, Hints, Replayed};
use grantlint::run::{self, Quiet, Task};
use grantlint::server::{self, Dialect, Fault};
use grantlint::suite::{self, Catalogue, Member, Wanted};
use grantlint::target::{self, Target};

use super::common::tap::{Tap, Wire, har};
use super::says;

/// 2027-01-15T08:00:00Z.
const NOON: u64 = 1_800_000_000_000;

/// A finding of both.
pub struct Pair {
    pub check: String,
    pub live: Verdict,
    pub recorded: Judgement,
    /// Instances that the live run got an answer to.
    answered: Arc<HashSet<String>>,
}

impl Pair {
    /// Whether the recording says nothing else than the live run, although it may say nothing.
    pub fn agrees(&self) -> bool {
        let (live, found) = (self.live, self.recorded.verdict);
        // Where a run gave up, what it did see may be right all the same.
        let more = live == Verdict::NotTestable && found == Verdict::Pass;
        let red = found == Verdict::NotTestable && live != Verdict::NotTestable;
        !red && (!says(found) || found == live || more)
    }

    /// Whether the live run got an answer to the exchange that a sentence names first.
    pub fn was_answered(&self, message: &str) -> bool {
        message.split('`').nth(1).is_some_and(|key| self.answered.contains(key))
    }
}

/// Who says what the target is.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    Recording,
    Owner,
}

/// A run against the reference server with faults, everything asked, and what went over the wire.
pub struct Lived<'c> {
    catalogue: &'c Catalogue,
    members: Vec<Member>,
    verdicts: Vec<Verdict>,
    answered: Arc<HashSet<String>>,
    wires: Vec<Wire>,
    target: Target,
    heard: OnceCell<Vec<Heard>>,
    of_owner: OnceCell<Replayed>,
}

impl<'c> Lived<'c> {
    pub fn with(catalogue: &'c Catalogue, faults: &[Fault]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(lived(catalogue, faults))
    }

    /// What a HAR of it says.
    pub fn in_har(&self, by: By) -> Vec<Pair> {
        match by {
            By::Owner => self.pairs(self.of_owner()),
            By::Recording => self.pairs(&self.replayed(self.heard(), by)),
        }
    }

    /// The HAR as it is read.
    fn heard(&self) -> &[Heard] {
        self.heard.get_or_init(|| read("proxy.har", har(&self.wires, "http").to_string().into_bytes()))
    }

    fn of_owner(&self) -> &Replayed {
        self.of_owner.get_or_init(|| self.replayed(self.heard(), By::Owner))
    }

    /// What `curl -i` captures of every single exchange say, each with the name of its exchange, as `--as` gives it.
    pub fn in_captures(&self) -> Vec<Pair> {
        let told = self.wires.iter().zip(&self.of_owner().told);
        let named = told.flat_map(|(wire, told)| told.instances.iter().map(move |name| (wire, name)));
        // What was spoilt before has no name to give.
        let shown = named.filter(|(_, name)| self.catalogue.exchanges.get(name).is_some_and(replay::shows));
        let mut heard: Vec<Heard> = Vec::new();
        for (wire, name) in shown {
            // What cannot be read is told to be so.
            let answer = replay::read(&[File { name: "answer.txt".to_owned(), bytes: wire.curl_i() }]);
            for mut one in answer.map(|read| read.heard).unwrap_or_default() {
                one.name = Some(name.clone());
                heard.push(one);
            }
        }
        self.pairs(&self.replayed(&heard, By::Owner))
    }

    fn replayed(&self, heard: &[Heard], by: By) -> Replayed {
        let target = match by {
            By::Owner => self.target.clone(),
            // Which specifications a server follows only its owner can say, by naming suites of them.
            By::Recording => {
                let claimed: Vec<String> = ["oauth-2.1", "rfc9068"]
                    .into_iter()
                    .filter(|word| self.target.claims(word))
                    .map(str::to_owned)
                    .collect();
                replay::suppose(heard, &Hints::default()).claiming(&claimed)
            }
        };
        replay::recording(self.catalogue, &target, &self.members, heard)
    }

    fn pairs(&self, replayed: &Replayed) -> Vec<Pair> {
        let court = Court::new(self.catalogue, &replayed.recording);
        let pair = |(member, live): (&Member, &Verdict)| Pair {
            check: name(member),
            live: *live,
            recorded: court.judge(member),
            answered: Arc::clone(&self.answered),
        };
        self.members.iter().zip(&self.verdicts).map(pair).collect()
    }
}

fn read(name: &str, bytes: Vec<u8>) -> Vec<Heard> {
    replay::read(&[File { name: name.to_owned(), bytes }]).unwrap().heard
}

fn name(member: &Member) -> String {
    let variant = member.variant.iter().map(|name| format!("[{name}]"));
    format!("{}{}", member.check, variant.collect::<String>())
}

async fn lived<'c>(catalogue: &'c Catalogue, faults: &[Fault]) -> Lived<'c> {
    let wanted = Wanted { suites: vec!["all".into()], ..Wanted::default() };
    let members = suite::select(catalogue, &wanted);
    let mut dialect = Dialect::default();
    faults.iter().for_each(|fault| dialect.add(fault.clone()).unwrap());
    let clock = ManualClock::new(NOON);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let settings =
        server::Settings { clock: shared.clone(), seed: Some([7; 32]), dialect, ..server::Settings::default() };
    let running = server::start(settings).await.unwrap();
    let start = Instant::now();
    // The clock stands still unless somebody waits; what really takes time comes on top.
    let now = move || i128::from(clock.now_ms()) * 1_000_000 + i128::try_from(start.elapsed().as_nanos()).unwrap();
    let tap = Tap::before(running.origin(), now);
    // Whoever asks for the server is led to the tap, so that the server's own URLs are right.
    let own: SocketAddr = running.origin().trim_start_matches("http://").parse().unwrap();
    let resolve = [own.ip().to_string(), "0.0.0.0".to_owned()].map(|host| ((host, own.port()), tap.raw.address)).into();
    let mut target = target::from_entry("reference", running.target()).unwrap();
    // Some servers never answer: nothing else waits for these bounds.
    target.bounds.first_byte = Duration::from_millis(1500);
    target.bounds.whole = Duration::from_millis(2000);
    let patience = Duration::from_secs(4 * 3600);
    let plan = plan::plan(catalogue, &target, &members, &Options { safe: false, patience });
    // Who is held back moves the clock of all: two at once would each seem to take the time of both.
    let concurrency = if faults.iter().any(|fault| !fault.delay_ms.0.is_empty()) { 1 } else { 8 };
    let settings = run::Settings {
        concurrency,
        interval: None,
        patience,
        seed: 0,
        resolve,
        clock: shared,
        progress: Arc::new(Quiet),
        driver: run::Driver::Scripted,
    };
    let brought = run::run(Task { catalogue, plan: &plan, target: &target }, &settings, pending()).await.unwrap();
    let court = Court::new(catalogue, &brought.recording);
    let verdicts = members.iter().map(|member| court.judge(member).verdict).collect();
    let keys = brought.recording.exchanges.keys();
    let outcome = |key: &String| Some(brought.recording.document(key)?["outcome"] != "timed_out");
    let answered = keys.filter(|key| outcome(key) == Some(true)).cloned().collect();
    let wires = tap.wires();
    Lived {
        catalogue,
        members,
        verdicts,
        answered: Arc::new(answered),
        wires,
        target,
        heard: OnceCell::new(),
        of_owner: OnceCell::new(),
    }
}
