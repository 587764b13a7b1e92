//! What is said before the first command: `HELLO`, `AUTH`, `SELECT`, and what servers may refuse.
//!
//! ```text
//!   First(HELLO 3, optional steps, SELECT) ── all answered ──▶ Done
//!        │ HELLO is not known                                   ▲
//!        ▼                                                      │
//!   (drain the other answers) ──▶ Second(AUTH or PING, optional steps, SELECT)
//! ```
//!
//! Each flight is one write; only the fallback of a server that does not know `HELLO` costs a second round trip.

use std::collections::VecDeque;

use super::identity::Credentials;
use super::settings::{HandshakePlan, ProtocolChoice};
use super::state::ServerFacts;
use crate::command::{Command, FromReply, ServerError};
use crate::outcome::HandshakeRefusal;
use crate::resp::{Protocol, Reply, View};

/// A handshake that waits for answers.
#[derive(Debug)]
pub(crate) struct Handshake {
    plan: HandshakePlan,
    /// The steps whose answers are due, oldest first. Not empty.
    due: VecDeque<Step>,
    facts: ServerFacts,
    /// `HELLO` was refused by a server that may speak RESP2.
    fall_back: bool,
}

/// One command of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Hello,
    Auth,
    /// In place of the other two, shows whether commands are taken at all: a server may want a password or be full.
    Probe,
    Select,
    /// May be refused without harm too; the answer is the connection's number.
    Id,
    /// May be refused without harm.
    Optional,
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum Progress {
    /// More answers are due.
    Waiting(Handshake),
    /// More must be sent.
    Send(Handshake, Vec<u8>),
    /// The session is established.
    Done(ServerFacts),
    /// The server refused.
    Failed(HandshakeRefusal),
}

impl Handshake {
    /// Begins; returns also what to send.
    pub(crate) fn begin(plan: HandshakePlan) -> Progress {
        let resp2 = plan.protocol == ProtocolChoice::Resp2;
        let handshake = Self { plan, due: VecDeque::new(), facts: ServerFacts::default(), fall_back: resp2 };
        handshake.flight()
    }

    /// An answer has come.
    pub(crate) fn handle_answer(mut self, reply: Reply<'_>) -> Progress {
        let refused = match reply.bytes() {
            Some(line) if reply.is_error() => Some(ServerError::from_bytes(line)),
            _ => None,
        };
        match (self.due.pop_front(), refused) {
            (Some(Step::Hello), None) => match facts_of(reply) {
                Some(facts) => self.facts = facts,
                None => return self.failed("HELLO", &ServerError::new(format!("{} instead of a map", reply.kind()))),
            },
            (Some(Step::Hello), Some(error)) if self.may_fall_back(&error) => self.fall_back = true,
            (Some(Step::Hello), Some(error)) => return self.failed("HELLO", &error),
            (Some(Step::Auth), Some(error)) if !self.fall_back_pending() => return self.failed("AUTH", &error),
            (Some(Step::Probe), Some(error)) if is_shut_out(&error) => return self.failed("PING", &error),
            (Some(Step::Id), None) => self.facts.id = i64::from_reply(reply).ok(),
            (Some(Step::Select), Some(error)) if !self.fall_back_pending() => return self.failed("SELECT", &error),
            _ => {}
        }
        if !self.due.is_empty() {
            return Progress::Waiting(self);
        }
        if self.fall_back_pending() { self.flight() } else { Progress::Done(self.facts) }
    }

    /// The first flight's answers do not count once `HELLO` was refused: what they needed comes in the second.
    fn fall_back_pending(&self) -> bool {
        self.fall_back && self.plan.protocol != ProtocolChoice::Resp2
    }

    fn may_fall_back(&self, error: &ServerError) -> bool {
        let unknown = match error.code() {
            "NOPROTO" => true,
            // Old servers and proxies word it in many ways; what has a meaning of its own is no such wording.
            "ERR" => !is_full(error) && !error.message().contains("invalid DB"),
            _ => false,
        };
        unknown && self.plan.protocol == ProtocolChoice::Auto
    }

    /// Writes the next flight.
    fn flight(mut self) -> Progress {
        let mut out = Vec::new();
        let plan = &self.plan;
        let mut say = |step: Step, command: Command| {
            out.extend_from_slice(&command.to_wire());
            self.due.push_back(step);
        };
        if !self.fall_back {
            say(Step::Hello, hello(plan));
        } else if let Some(credentials) = plan.identity.credentials() {
            say(Step::Auth, auth(credentials));
        } else {
            say(Step::Probe, Command::new("PING"));
        }
        if let Some(name) = plan.name.as_ref().filter(|_| self.fall_back) {
            say(Step::Optional, Command::new("CLIENT SETNAME").arg(name));
        }
        if let Some((library, version)) = plan.library {
            say(Step::Optional, Command::new("CLIENT SETINFO").arg(("LIB-NAME", library)));
            say(Step::Optional, Command::new("CLIENT SETINFO").arg(("LIB-VER", version)));
        }
        if plan.asks_id && self.fall_back {
            say(Step::Id, Command::new("CLIENT ID"));
        }
        if plan.no_evict {
            say(Step::Optional, Command::new("CLIENT NO-EVICT").arg("ON"));
        }
        if plan.readonly {
            say(Step::Optional, Command::new("READONLY"));
        }
        if plan.database != 0 {
            say(Step::Select, Command::new("SELECT").arg(plan.database));
        }
        // From here on the plan is that of a server that speaks RESP2.
        if self.fall_back {
            self.plan.protocol = ProtocolChoice::Resp2;
        }
        Progress::Send(self, out)
    }

    fn failed(&self, step: &'static str, error: &ServerError) -> Progress {
        Progress::Failed(HandshakeRefusal::new(step, self.without_secrets(error.message()), is_permanent(error)))
    }

    /// What a server or a proxy says may repeat what it was told.
    fn without_secrets(&self, message: &str) -> String {
        self.plan
            .identity
            .credentials()
            .map_or_else(|| message.to_owned(), |credentials| credentials.hidden_in(message))
    }
}

/// What a server says that speaks before it was asked anything.
pub(super) fn turned_away(reply: Reply<'_>) -> HandshakeRefusal {
    let error = match reply.bytes() {
        Some(line) if reply.is_error() => ServerError::from_bytes(line),
        _ => ServerError::new(format!("{} that answers nothing", reply.kind())),
    };
    HandshakeRefusal::new("the connection", error.message(), is_permanent(&error))
}

fn hello(plan: &HandshakePlan) -> Command {
    let mut command = Command::new("HELLO").arg("3");
    if let Some(credentials) = plan.identity.credentials() {
        let username = credentials.username().unwrap_or("default");
        command = command.arg(("AUTH", username, credentials.secret().expose()));
    }
    if let Some(name) = &plan.name {
        command = command.arg(("SETNAME", name));
    }
    command
}

/// Says who we are.
pub(super) fn auth(credentials: &Credentials) -> Command {
    Command::new("AUTH").arg(credentials.username()).arg(credentials.secret().expose())
}

/// Whether trying again cannot help until someone changes a setting.
pub(super) fn is_permanent(error: &ServerError) -> bool {
    match error.code() {
        "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" => false,
        "ERR" => !is_full(error),
        _ => true,
    }
}

/// Whether the server takes no command from us. Other errors, such as that of a replica without its primary, pass.
fn is_shut_out(error: &ServerError) -> bool {
    matches!(error.code(), "NOAUTH" | "DENIED") || is_full(error)
}

fn is_full(error: &ServerError) -> bool {
    error.code() == "ERR" && error.message().contains("max number of clients")
}

/// What a server says of itself; `None` if that is no answer to HELLO.
fn facts_of(reply: Reply<'_>) -> Option<ServerFacts> {
    let mut facts = ServerFacts { protocol: Protocol::Resp3, ..ServerFacts::default() };
    let Ok(View::Map(pairs)) = reply.view() else { return None };
    for (key, value) in pairs {
        let text = || String::from_reply(value).ok();
        match key.bytes().unwrap_or_default() {
            b"server" => facts.server = text(),
            b"version" => facts.version = text(),
            b"mode" => facts.mode = text(),
            b"role" => facts.role = text(),
            b"id" => facts.id = i64::from_reply(value).ok(),
            _ => {}
        }
    }
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Identity;
    use crate::resp::{Frame, Value};

    fn plan() -> HandshakePlan {
        HandshakePlan {
            identity: Identity::Known(Credentials::password("hunter2")),
            name: Some("me".into()),
            database: 3,
            library: Some(("steadfast", "1")),
            ..HandshakePlan::default()
        }
    }

    fn words(bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.split("\r\n").filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
    }

    fn sent(progress: Progress) -> (Handshake, String) {
        match progress {
            Progress::Send(handshake, bytes) => (handshake, words(&bytes).join(" ").trim().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn answer(mut progress: Progress, answers: &[Value]) -> Progress {
        for value in answers {
            let handshake = match progress {
                Progress::Send(handshake, _) | Progress::Waiting(handshake) => handshake,
                other => return other,
            };
            progress = handshake.handle_answer(Frame::from_value(value).reply());
        }
        progress
    }

    fn ok() -> Value {
        Value::simple("OK")
    }

    fn hello_map() -> Value {
        Value::Map(vec![
            (Value::bulk("server"), Value::bulk("redis")),
            (Value::bulk("version"), Value::bulk("7.0.15")),
            (Value::bulk("id"), Value::Integer(7)),
        ])
    }

    #[test]
    fn everything_goes_in_one_flight() {
        let (_, text) = sent(Handshake::begin(plan()));
        assert_eq!(
            text,
            "HELLO 3 AUTH default hunter2 SETNAME me CLIENT SETINFO LIB-NAME steadfast CLIENT SETINFO LIB-VER 1 SELECT 3"
        );
    }

    #[test]
    fn in_resp2_the_number_of_the_connection_is_asked_for_where_it_is_needed() {
        let plan = HandshakePlan { protocol: ProtocolChoice::Resp2, asks_id: true, ..HandshakePlan::default() };
        let (handshake, text) = sent(Handshake::begin(plan.clone()));
        assert_eq!(text, "PING CLIENT ID");
        let done = answer(Progress::Waiting(handshake), &[Value::simple("PONG"), Value::Integer(17)]);
        assert!(matches!(&done, Progress::Done(facts) if facts.id == Some(17)), "{done:?}");
        let no = Value::error("ERR unknown subcommand");
        let done = answer(Handshake::begin(plan), &[Value::simple("PONG"), no]);
        assert!(matches!(&done, Progress::Done(facts) if facts.id.is_none()), "{done:?}");
    }

    #[test]
    fn optional_steps_may_be_refused() {
        let no = || Value::error("ERR unknown subcommand");
        let done = answer(Handshake::begin(plan()), &[hello_map(), no(), no(), ok()]);
        assert!(
            matches!(done, Progress::Done(facts) if facts.version.as_deref() == Some("7.0.15") && facts.id == Some(7))
        );
    }

    #[test]
    fn a_replica_is_asked_to_answer_reads_and_a_server_that_is_in_no_cluster_may_refuse() {
        for protocol in [ProtocolChoice::Auto, ProtocolChoice::Resp2] {
            let plan = HandshakePlan { protocol, readonly: true, database: 3, ..HandshakePlan::default() };
            let (first, said) = match protocol {
                ProtocolChoice::Resp2 => (Value::simple("PONG"), "PING READONLY SELECT 3"),
                _ => (hello_map(), "HELLO 3 READONLY SELECT 3"),
            };
            let (handshake, text) = sent(Handshake::begin(plan));
            assert_eq!(text, said);
            let refused = Value::error("ERR This instance has cluster support disabled");
            let done = answer(Progress::Waiting(handshake), &[first, refused, ok()]);
            assert!(matches!(done, Progress::Done(_)), "{done:?}");
        }
    }

    #[test]
    fn a_server_without_hello_gets_resp2_and_auth() {
        let unknown = Value::error("ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `hunter2`");
        let refused = || Value::error("NOAUTH Authentication required.");
        let progress = answer(Handshake::begin(plan()), &[unknown, refused(), refused(), refused()]);
        let (handshake, text) = sent(progress);
        assert_eq!(
            text,
            "AUTH hunter2 CLIENT SETNAME me CLIENT SETINFO LIB-NAME steadfast CLIENT SETINFO LIB-VER 1 SELECT 3"
        );
        let done = answer(Progress::Waiting(handshake), &[ok(), ok(), refused(), refused(), ok()]);
        assert!(matches!(done, Progress::Done(facts) if facts.protocol == Protocol::Resp2));
    }

    #[test]
    fn a_refusal_is_permanent_by_its_meaning_and_shows_no_password() {
        let plan3 = HandshakePlan { protocol: ProtocolChoice::Resp3, ..plan() };
        for (line, permanent, shown) in [
            ("WRONGPASS invalid username-password pair", true, "WRONGPASS invalid username-password pair"),
            ("ERR max number of clients reached", false, "ERR max number of clients reached"),
            (
                "ERR unknown command 'HELLO', with args beginning with: '3' 'hunter2'",
                true,
                "ERR unknown command 'HELLO'",
            ),
            ("DENIED you said hunter2", true, "DENIED you said ***"),
            ("LOADING Redis is loading the dataset in memory", false, "LOADING Redis is loading the dataset in memory"),
        ] {
            match answer(Handshake::begin(plan3.clone()), &[Value::error(line)]) {
                Progress::Failed(refusal) => {
                    assert_eq!((refusal.step, &*refusal.message, refusal.permanent), ("HELLO", shown, permanent));
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_answer_to_hello_is_a_refusal() {
        let progress = answer(Handshake::begin(plan()), &[ok()]);
        assert!(
            matches!(progress, Progress::Failed(refusal) if &*refusal.message == "a simple string instead of a map")
        );
    }

    #[test]
    fn a_refused_database_is_an_error() {
        let progress =
            answer(Handshake::begin(plan()), &[hello_map(), ok(), ok(), Value::error("ERR DB index is out of range")]);
        assert!(matches!(progress, Progress::Failed(refusal) if refusal.step == "SELECT" && refusal.permanent));
    }

    #[test]
    fn resp2_by_choice_says_no_hello_and_without_a_password_asks_whether_it_is_let_in() {
        let plan = HandshakePlan { protocol: ProtocolChoice::Resp2, ..plan() };
        let (_, text) = sent(Handshake::begin(plan));
        assert!(text.starts_with("AUTH hunter2 CLIENT SETNAME me"));
        let bare = || Handshake::begin(HandshakePlan { protocol: ProtocolChoice::Resp2, ..HandshakePlan::default() });
        let (_, text) = sent(bare());
        assert_eq!(text, "PING");
        for (line, permanent) in
            [("NOAUTH Authentication required.", true), ("ERR max number of clients reached", false)]
        {
            match answer(bare(), &[Value::error(line)]) {
                Progress::Failed(refusal) => assert_eq!((refusal.step, refusal.permanent), ("PING", permanent)),
                other => panic!("{line}: {other:?}"),
            }
        }
        for let_in in [Value::simple("PONG"), Value::error("MASTERDOWN Link with MASTER is down")] {
            assert!(matches!(answer(bare(), &[let_in]), Progress::Done(_)));
        }
    }
}
