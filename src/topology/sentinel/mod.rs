//! Servers that Sentinels watch: several of them are asked which one is the primary, the newest answer is believed, and the
//! primary itself has to say the same.

mod answers;
mod belief;
mod listening;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use self::answers::{MOST_SENTINELS, Report, Role};
use self::belief::{Belief, is_majority};
use self::listening::{Ear, Sentinel};
use super::acquisition::before;
use super::cluster::{Health, NodeFacts, SlotMap};
use super::recovery::cause_of;
use super::routes::Routing;
use super::source::{Found, SentinelSettings};
use super::together::{Futures, first};
use crate::command::{Command, ServerError};
use crate::driver::{LinkSettings, now};
use crate::outcome::{Address, Cause, HandshakeRefusal};
use crate::resp::Frame;

/// The Sentinels of a service, and what is believed of what they say.
pub(super) struct Sentinels {
    settings: SentinelSettings,
    state: Mutex<State>,
    /// One of them has said that there is another primary.
    heard: Arc<Notify>,
}

#[derive(Default)]
struct State {
    belief: Belief,
    /// Those of the configuration first; the others were named by some of them.
    known: Vec<Arc<Sentinel>>,
}

impl Sentinels {
    pub(super) fn new(settings: SentinelSettings) -> Arc<Self> {
        Arc::new(Self { settings, state: Mutex::default(), heard: Arc::default() })
    }

    /// Which servers there are, until `until` at the latest.
    pub(super) async fn find(self: Arc<Self>, routing: Arc<Routing>, until: Instant) -> Result<Found, Cause> {
        loop {
            let failure = match self.look(&routing, until).await {
                Ok(found) => return Ok(found),
                Err(cause) if cause.is_permanent() => return Err(cause),
                Err(cause) => cause,
            };
            routing.note_trouble(&failure);
            // Whatever is heard in between is a reason to look again at once.
            let pause = until.min(now() + PAUSE);
            let _ = before(self.heard.notified(), Some(pause), routing.runtime()).await;
            if now() >= until {
                return Err(failure);
            }
        }
    }

    /// Asks once.
    async fn look(&self, routing: &Arc<Routing>, until: Instant) -> Result<Found, Cause> {
        let reports = self.ask(routing, until).await?;
        self.meet(routing, &reports);
        let candidates = self.lock().belief.candidates(&reports, now());
        let mut failure = Cause::Refused { message: OUTDATED.into() };
        for report in candidates.into_iter().filter_map(|place| reports.get(place)) {
            let until = until.min(now() + VERIFICATION);
            let verified = async {
                let mut either: Futures<'_, Result<(), Cause>> = Vec::with_capacity(2);
                either.push(Box::pin(verify(routing, &report.primary.address, until)));
                either.push(Box::pin(async {
                    self.heard.notified().await;
                    Err(Cause::NotConnected)
                }));
                first(&mut either).await
            };
            match before(verified, Some(until), routing.runtime()).await {
                Ok(Ok(())) => return Ok(Found { map: map_of(report), rank: self.lock().belief.rank() }),
                Ok(Err(cause)) => failure = cause,
                Err(_) => failure = Cause::Silent,
            }
        }
        Err(failure)
    }

    /// What they say, one report of each: as many as come in time.
    async fn ask(&self, routing: &Arc<Routing>, until: Instant) -> Result<Vec<Report>, Cause> {
        let known = self.known(routing);
        let service = self.settings.service.as_str();
        let mut asking: Futures<'_, Result<Report, Cause>> = Vec::with_capacity(known.len());
        for sentinel in &known {
            asking.push(Box::pin(sentinel.report(service, until)));
        }
        let (mut reports, mut failed) = (Vec::new(), Vec::new());
        let mut until = until;
        while !asking.is_empty() {
            match before(first(&mut asking), Some(until), routing.runtime()).await {
                Ok(Ok(report)) => {
                    add(&mut reports, report);
                    // All were asked at the same time: those that are well answer as soon.
                    let others = if is_majority(&reports) { LATECOMERS } else { OTHERS };
                    until = until.min(now() + others);
                }
                Ok(Err(cause)) => failed.push(cause),
                Err(_) => break,
            }
        }
        if !reports.is_empty() {
            return Ok(reports);
        }
        // What can't heal by itself is only told if it is so everywhere.
        let is_permanent = asking.is_empty() && failed.iter().all(Cause::is_permanent);
        drop(asking);
        failed.extend(known.iter().filter_map(|sentinel| sentinel.trouble()));
        let told = failed.into_iter().find(|cause| is_permanent || !cause.is_permanent());
        Err(told.unwrap_or(Cause::NotConnected))
    }

    /// All Sentinels that are known; at first those of the configuration.
    fn known(&self, routing: &Arc<Routing>) -> Vec<Arc<Sentinel>> {
        let mut state = self.lock();
        if state.known.is_empty() {
            let configured = self.settings.sentinels.iter();
            state.known = configured.map(|address| self.start(routing, (address, address), true)).collect();
        }
        state.known.clone()
    }

    /// Those that were named are known from now on, and those that nobody names any more are forgotten.
    fn meet(&self, routing: &Arc<Routing>, reports: &[Report]) {
        let mut state = self.lock();
        let named = || reports.iter().flat_map(|report| &report.sentinels);
        let mut met: Vec<Arc<Sentinel>> = Vec::new();
        for sentinel in state.known.drain(..) {
            let is_named = named().any(|facts| facts.address == *sentinel.address());
            let answered = reports.iter().any(|report| sentinel.is(&report.sentinel));
            let is_double = met.iter().any(|other| other.id().is_some_and(|id| sentinel.is(&id)));
            if sentinel.is_configured() || ((is_named || answered) && !is_double) {
                met.push(sentinel);
            }
        }
        for facts in named() {
            let is_known = met.iter().any(|known| known.is(&facts.id) || known.address() == &facts.address);
            if !is_known && met.len() < MOST_SENTINELS.max(self.settings.sentinels.len()) {
                let address = match &routing.settings().address_map {
                    Some(map) => map.apply(&facts.address),
                    None => facts.address.clone(),
                };
                met.push(self.start(routing, (&facts.address, &address), false));
            }
        }
        state.known = met;
    }

    /// Begins to connect to a Sentinel that is called `named` and reached at `dialled`.
    fn start(
        &self,
        routing: &Arc<Routing>,
        (named, dialled): (&Address, &Address),
        is_configured: bool,
    ) -> Arc<Sentinel> {
        let ear = Arc::new(Ear::new(&self.settings.service, Arc::clone(&self.heard), routing));
        let names = routing.settings().server_names.as_ref();
        let settings = LinkSettings {
            address: dialled.clone(),
            server_name: names.and_then(|names| names.name(named, None)).map(Into::into),
            ..self.settings.link.clone()
        };
        let runtime: Handle = routing.runtime().clone();
        Arc::new(Sentinel::start((named.clone(), is_configured), settings, ear, runtime))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a report; of two of the same Sentinel, which may be known by two addresses, the newer one stays.
fn add(reports: &mut Vec<Report>, report: Report) {
    match reports.iter_mut().find(|other| other.sentinel == report.sentinel) {
        Some(other) if other.epoch <= report.epoch => *other = report,
        Some(_) => {}
        None => reports.push(report),
    }
}

/// What the report says, as a topology.
fn map_of(report: &Report) -> SlotMap {
    // It has just said itself that it is well.
    let primary = NodeFacts { health: Health::Online, ..report.primary.clone() };
    let replicas = report.replicas.iter().filter(|replica| replica.address != primary.address).cloned().collect();
    SlotMap::whole(primary, replicas)
}

/// Whether the server at `address` is a primary.
async fn verify(routing: &Arc<Routing>, address: &Address, until: Instant) -> Result<(), Cause> {
    let node = routing.seed(address);
    let session = node.link().ready().await?;
    let answer = node.link().ask(Command::new("ROLE"), Some(until)).await.map_err(|lost| cause_of(&lost))?;
    if answer.has_error() {
        // Who may not ask for it has been told it in the handshake, where the server knows RESP3.
        let may_not = answer.reply().bytes().is_some_and(|line| line.starts_with(b"NOPERM"));
        return match may_not && !session.server.is_replica() {
            true => Ok(()),
            false => Err(refusal("ROLE", &answer, false)),
        };
    }
    match Role::of(answer.reply()) {
        Ok(Role::Primary) => Ok(()),
        Ok(Role::Replica | Role::Sentinel) => Err(Cause::Refused { message: NO_PRIMARY.into() }),
        Err(error) => Err(Cause::Refused { message: error.to_string().into() }),
    }
}

/// That `step` was answered with an error.
fn refusal(step: &'static str, answer: &Frame, permanent: bool) -> Cause {
    let error = ServerError::from_bytes(answer.reply().bytes().unwrap_or_default());
    Cause::Handshake(HandshakeRefusal::new(step, error.message(), permanent))
}

/// How long others are waited for when most of the Sentinels have answered, 100 ms.
const LATECOMERS: Duration = Duration::from_millis(100);

/// How long they are waited for when some have, 500 ms.
const OTHERS: Duration = Duration::from_millis(500);

/// How long a primary may take to say that it is one, before the Sentinels are asked again, 1 s.
const VERIFICATION: Duration = Duration::from_secs(1);

/// The pause before that, if there is no news, 200 ms.
const PAUSE: Duration = Duration::from_millis(200);

const OUTDATED: &str = "the Sentinels that answer know less than was known before";
const NO_PRIMARY: &str = "the server that the Sentinels name is no primary";
