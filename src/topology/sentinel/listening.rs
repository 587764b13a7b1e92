//! One Sentinel: it is asked, and says by itself when there is another primary.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::super::recovery::cause_of;
use super::super::routes::Routing;
use super::super::together::all;
use super::answers::{self, Report, Switch, Watched};
use super::refusal;
use crate::command::{Command, ServerError};
use crate::connection::{LinkState, Lost, Offline, Role, Topic, TopicKind};
use crate::driver::{Audience, Link, LinkSettings};
use crate::outcome::{Address, Cause};
use crate::resp::{Frame, Protocol, View};

/// A Sentinel, and the connections to it.
pub(super) struct Sentinel {
    /// What it is called: in the configuration, or by the others.
    address: Address,
    is_configured: bool,
    /// Its own name, once it has told.
    id: Mutex<Option<Arc<str>>>,
    settings: LinkSettings,
    runtime: Handle,
    /// On this it says what happens; in RESP3 it is asked on it too.
    listening: Link,
    /// In RESP2, where a connection that is subscribed to something takes no questions.
    asking: OnceLock<Link>,
}

/// Hears what a Sentinel says by itself.
pub(super) struct Ear {
    service: String,
    heard: Arc<Notify>,
    routing: Weak<Routing>,
    /// Something may have been said that was not heard.
    has_missed: AtomicBool,
}

impl Sentinel {
    /// Begins to connect to it. `named` is what it is called, and whether the configuration does so; the settings say where
    /// it is reached.
    pub(super) fn start(named: (Address, bool), settings: LinkSettings, ear: Arc<Ear>, runtime: Handle) -> Self {
        let mut settings = settings;
        settings.grace = Duration::ZERO;
        settings.session.offline = Offline::FailFast;
        let mut listening = settings.clone();
        listening.audience = Some(ear);
        listening.session.role = Role::Subscriber;
        let listening = Link::start(listening, &runtime);
        listening.subscribe([Topic { kind: TopicKind::Channel, name: SWITCH.into() }]);
        let (address, is_configured) = named;
        Self { address, is_configured, id: Mutex::default(), settings, runtime, listening, asking: OnceLock::new() }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// Its own name, if it has told.
    pub(super) fn id(&self) -> Option<Arc<str>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether that is its own name.
    pub(super) fn is(&self, id: &str) -> bool {
        !id.is_empty() && self.id().is_some_and(|own| *own == *id)
    }

    /// Why it can't be asked, if that is so.
    pub(super) fn trouble(&self) -> Option<Cause> {
        match &*self.listening.standing() {
            LinkState::Backoff { cause, .. } | LinkState::Connecting { last: Some(cause), .. } => Some(cause.clone()),
            _ => None,
        }
    }

    /// What it says of the service. Not waited for is one that could not be connected to the last time.
    pub(super) async fn report(&self, service: &str, until: Instant) -> Result<Report, Cause> {
        let session = self.listening.ready_for(Offline::FailFast).await?;
        let link = match session.server.protocol {
            Protocol::Resp3 => &self.listening,
            Protocol::Resp2 => {
                let asking = self.asking.get_or_init(|| Link::start(self.settings.clone(), &self.runtime));
                asking.ready_for(Offline::FailFast).await?;
                asking
            }
        };
        let mut report = self.put_questions(link, service, until).await?;
        if report.is_none() {
            // It has come to know of a failover in between: the next time it is one piece.
            report = self.put_questions(link, service, until).await?;
        }
        let report = report.ok_or(Cause::NotConnected)?;
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&report.sentinel));
        Ok(report)
    }

    /// Asks all there is to ask, in one go; `None`: the answers do not belong together.
    async fn put_questions(&self, link: &Link, service: &str, until: Instant) -> Result<Option<Report>, Cause> {
        let ask = |question: &str| -> Pin<Box<dyn Future<Output = Result<Frame, Lost>> + Send + '_>> {
            let command = Command::new("SENTINEL").arg(question);
            let command = if question == MYID { command } else { command.arg(service) };
            Box::pin(link.ask(command, Some(until)))
        };
        // The epoch before the address: should a failover be learnt of in between, the older epoch is the harmless one.
        let questions = ["MASTER", "GET-MASTER-ADDR-BY-NAME", "REPLICAS", "SENTINELS", MYID];
        let answers = all(questions.into_iter().map(ask).collect()).await;
        let answers: Result<Vec<Frame>, Lost> = answers.into_iter().collect();
        let answers = answers.map_err(|lost| cause_of(&lost))?;
        let [master, address, replicas, sentinels, id] = answers.as_slice() else { return Err(Cause::NotConnected) };
        if address.has_error() {
            return Err(refusal(ADDRESS, address, is_lasting(address)));
        }
        let found = answers::primary_address(address.reply()).map_err(malformed)?;
        let found = found.ok_or_else(|| unknown_service(master))?;
        let watched = match Watched::of(master.reply()) {
            Ok(watched) => watched,
            // It is not shown to everybody; the address alone is older than all else that is known.
            Err(_) if master.has_error() => Watched::at(found.clone()),
            Err(error) => return Err(malformed(error)),
        };
        let Some(primary) = watched.primary_at(&found) else { return Ok(None) };
        let id = id.reply().bytes().filter(|_| !id.has_error()).map(String::from_utf8_lossy);
        Ok(Some(Report {
            sentinel: id.map_or_else(|| self.address.to_string().into(), Into::into),
            primary,
            epoch: watched.epoch,
            replicas: answers::replicas(replicas.reply()).unwrap_or_default(),
            others: watched.others,
            sentinels: answers::sentinels(sentinels.reply()).unwrap_or_default(),
        }))
    }
}

impl Ear {
    /// For failovers of `service`: `heard` and the topology are told.
    pub(super) fn new(service: &str, heard: Arc<Notify>, routing: &Arc<Routing>) -> Self {
        let routing = Arc::downgrade(routing);
        Self { service: service.to_owned(), heard, routing, has_missed: AtomicBool::new(false) }
    }
}

impl Audience for Ear {
    fn handle_push(&self, push: &Frame) -> bool {
        let switch = switch_of(push).filter(|switch| switch.service == self.service);
        if let (Some(_), Some(routing)) = (switch, self.routing.upgrade()) {
            routing.hasten_refresh();
            self.heard.notify_one();
        }
        true
    }

    fn handle_subscribed(&self, _: &Topic) {
        if self.has_missed.swap(false, Ordering::Relaxed) {
            if let Some(routing) = self.routing.upgrade() {
                routing.ask_refresh();
            }
        }
    }

    fn handle_refused(&self, _: &Topic, _: &ServerError) {}

    fn handle_withdrawn(&self, _: &Topic) {}

    fn handle_restored(&self) {}

    fn handle_lost(&self, _: &Cause, _: Instant) {
        self.has_missed.store(true, Ordering::Relaxed);
    }

    fn handle_ended(&self, _: &Cause) {}
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("service", &self.service).finish_non_exhaustive()
    }
}

/// The failover that a message tells of: its channel is before the last of its elements, which is the text.
pub(super) fn switch_of(push: &Frame) -> Option<Switch> {
    let Ok(View::Push(items) | View::Array(items)) = push.reply().view() else { return None };
    let parts: Vec<_> = items.map(|item| item.bytes().unwrap_or_default()).collect();
    match parts.as_slice() {
        [b"message", SWITCH_BYTES, text] | [b"pmessage", _, SWITCH_BYTES, text] => Switch::of(text),
        _ => None,
    }
}

/// The error that only a change of settings mends.
fn is_lasting(answer: &Frame) -> bool {
    let line = answer.reply().bytes().unwrap_or_default();
    // A server that is no Sentinel does not know the command.
    line.starts_with(b"ERR ") || line.starts_with(b"NOPERM")
}

/// That a Sentinel does not know the service, in its own words if `master` has them.
fn unknown_service(master: &Frame) -> Cause {
    if master.has_error() {
        return refusal(MASTER, master, true);
    }
    Cause::Refused { message: UNKNOWN.into() }
}

fn malformed(error: crate::command::ConversionError) -> Cause {
    Cause::Refused { message: error.to_string().into() }
}

/// Where Sentinels publish that there is another primary.
const SWITCH: &str = "+switch-master";
const SWITCH_BYTES: &[u8] = SWITCH.as_bytes();

const MYID: &str = "MYID";
const ADDRESS: &str = "SENTINEL GET-MASTER-ADDR-BY-NAME";
const MASTER: &str = "SENTINEL MASTER";
const UNKNOWN: &str = "the Sentinel has no address for the service";
