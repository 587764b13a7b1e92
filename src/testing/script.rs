//! Answers that a test chooses instead of the built-in ones.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::resp::Value;

/// What the fake server does about one command.
///
/// Made from a [`Value`] by `into()`, or by one of the functions here; [`after`](Self::after) and
/// [`then_close`](Self::then_close) can be added to any of them.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) action: Action,
    pub(crate) delay: Duration,
    pub(crate) next: Next,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    BuiltIn,
    Value(Value),
    Raw(Bytes),
    Silence,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Stay,
    Close,
}

impl Answer {
    /// This value, encoded for the protocol that the client has chosen.
    pub fn value(value: impl Into<Value>) -> Self {
        Action::Value(value.into()).into()
    }

    /// These bytes as they are, well-formed or not. They are also sent inside a transaction, at once.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Action::Raw(bytes.into()).into()
    }

    /// Nothing: the connection stays open, and later commands are answered, as if this one had never come.
    pub fn silence() -> Self {
        Action::Silence.into()
    }

    /// The end of the connection instead of a reply. Replies to earlier commands are still sent.
    pub fn close() -> Self {
        Answer::silence().then_close()
    }

    /// What the server answers if nothing is scripted.
    pub fn built_in() -> Self {
        Action::BuiltIn.into()
    }

    /// The same, later. The connection reads no further command until then, as if the server were busy with this one;
    /// other connections go on, and so do pushes to this one. The time is tokio's: a paused runtime skips it.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, and then the end of the connection.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.next = Next::Close;
        self
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Answer::value(value)
    }
}

impl From<Action> for Answer {
    fn from(action: Action) -> Self {
        Answer { action, delay: Duration::ZERO, next: Next::Stay }
    }
}

/// A function of the whole command, its name first.
pub(crate) type Handler = Arc<Mutex<dyn FnMut(&[Bytes]) -> Answer + Send>>;

/// The answers chosen so far, by the name of the command in upper case.
#[derive(Default)]
pub(crate) struct Script {
    once: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Handler>,
}

/// Where the answer to one command comes from.
pub(crate) enum Source {
    BuiltIn,
    Chosen(Answer),
    /// To be asked while the server's state is not locked, so that it may use the server.
    Handler(Handler),
}

impl Script {
    pub(crate) fn push(&mut self, name: &str, answer: Answer) {
        self.once.entry(normalize(name)).or_default().push_back(answer);
    }

    pub(crate) fn set(&mut self, name: &str, handler: Handler) {
        self.always.insert(normalize(name), handler);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let name = normalize(name);
        self.once.remove(&name);
        self.always.remove(&name);
    }

    /// The answer to `command`, used up if it was for once. Two words (`CONFIG GET`) go before one, single answers
    /// before lasting ones.
    pub(crate) fn source(&mut self, command: &[Bytes]) -> Source {
        if self.once.is_empty() && self.always.is_empty() {
            return Source::BuiltIn;
        }
        for words in [2, 1] {
            let Some(words) = command.get(..words) else { continue };
            let name = normalize(&String::from_utf8_lossy(&words.join(&b' ')));
            if let Some(answer) = self.take_once(&name) {
                return Source::Chosen(answer);
            }
            if let Some(handler) = self.always.get(&name) {
                return Source::Handler(Arc::clone(handler));
            }
        }
        Source::BuiltIn
    }

    fn take_once(&mut self, name: &str) -> Option<Answer> {
        let answers = self.once.get_mut(name)?;
        let answer = answers.pop_front();
        if answers.is_empty() {
            self.once.remove(name);
        }
        answer
    }
}

impl Source {
    /// The answer; asks the test's function if there is one.
    pub(crate) fn answer(self, command: &[Bytes]) -> Answer {
        match self {
            Source::BuiltIn => Answer::built_in(),
            Source::Chosen(answer) => answer,
            Source::Handler(handler) => handler.lock().unwrap_or_else(PoisonError::into_inner)(command),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("once", &self.once).field("always", &self.always.keys()).finish()
    }
}

fn normalize(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Vec<Bytes> {
        line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    fn raw(source: Source, line: &str) -> String {
        match source.answer(&command(line)).action {
            Action::Raw(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn single_answers_are_used_up_in_order_before_the_lasting_one() {
        let mut script = Script::default();
        script.push("get", Answer::raw("first"));
        script.push("Get", Answer::raw("second"));
        script.set("GET", Arc::new(Mutex::new(|command: &[Bytes]| Answer::raw(command[1].clone()))));
        let answers: Vec<String> = (0..4).map(|_| raw(script.source(&command("gEt key")), "gEt key")).collect();
        assert_eq!(answers, ["first", "second", "key", "key"]);
        script.remove("get");
        assert_eq!(raw(script.source(&command("GET key")), "GET key"), "BuiltIn");
    }

    #[test]
    fn a_subcommand_goes_before_its_container() {
        let mut script = Script::default();
        script.push("CONFIG", Answer::raw("any"));
        script.push("config  get", Answer::raw("one"));
        let line = "CONFIG GET x";
        assert_eq!(raw(script.source(&command(line)), line), "one");
        assert_eq!(raw(script.source(&command(line)), line), "any");
    }
}
