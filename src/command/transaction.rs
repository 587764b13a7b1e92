//! What became of a transaction, judged from the answers to MULTI, to the commands it encloses, and to EXEC.

use std::sync::Arc;

use super::convert::{ConversionError, ServerError};
use super::facts::{Facts, known};
use super::refusal::{Refusal as Passing, precedes_scripts};
use crate::outcome::Fate;
use crate::resp::{Reply, View};

/// What the server made of a transaction.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It ran: the answer to EXEC is an array with an answer for each command.
    Executed,
    /// Nothing of it ran.
    Refused(Refusal),
    /// The server has answered MULTI or EXEC with this error, and ran at least one of the commands as it came.
    NotAtomic(ServerError),
    /// Nothing of it ran: a key that was watched had changed.
    Aborted,
    /// These are not the answers to a transaction.
    Unexpected(ConversionError),
}

/// Why nothing of a transaction ran.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Which of the commands the server refused first; `None`: MULTI or EXEC itself.
    pub(crate) place: Option<usize>,
    pub(crate) error: ServerError,
}

/// What became of a transaction: `replies` are those to MULTI, to each command, and to EXEC; `facts` are the commands'.
pub(crate) fn judge(replies: &[Reply<'_>], facts: impl Iterator<Item = &'static Facts>) -> Verdict {
    let &[multi, ref body @ .., exec] = replies else {
        return Verdict::Unexpected(ConversionError::new("the answers to a transaction", "too few"));
    };
    let opening = error_of(multi);
    let any_ran = match opening {
        // Each was a command of its own.
        Some(_) if !is_discarded(exec) => {
            body.iter().zip(facts).any(|(reply, facts)| fate_of(*reply, facts) != Fate::Refused)
        }
        // In a transaction, if only in one that the caller had begun by hand.
        _ => body.iter().any(|reply| !reply.is_error() && !is_queued(*reply)),
    };
    match (opening, exec.view(), error_of(exec)) {
        (None, Ok(View::Array(items)), _) if items.len() == body.len() => Verdict::Executed,
        (None, Ok(View::Null), _) => Verdict::Aborted,
        (Some(error), ..) | (None, _, Some(error)) if any_ran => Verdict::NotAtomic(error),
        (Some(error), ..) => Verdict::Refused(Refusal { place: None, error }),
        (None, _, Some(error)) if has_not_run(&error) => Verdict::Refused(first_refusal(body, error)),
        _ => Verdict::Unexpected(ConversionError::unexpected("an array with an answer for each command", exec)),
    }
}

/// Why nothing of a transaction with these answers ran, and in which words, if each of its refusals is one for the time
/// being: then it may be tried again as a whole. An error inside the answer to EXEC is no such reason: the commands have
/// run.
pub(crate) fn passing(replies: &[Reply<'_>]) -> Option<(Passing, Arc<str>)> {
    let &[multi, ref body @ .., exec] = replies else { return None };
    if multi.is_error() {
        let first = passing_of(multi)?;
        return body.iter().all(|reply| passing_of(*reply).is_some()).then_some(first);
    }
    if exec.is_error() && exec.bytes().is_some_and(is_misplaced) && body.iter().all(|reply| is_queued(*reply)) {
        return passing_of(exec);
    }
    let aborted = error_of(exec).filter(|error| error.code() == ABORTED)?;
    let mut refused = body.iter().filter(|reply| !is_queued(**reply));
    match refused.next() {
        Some(reply) => {
            let first = passing_of(*reply)?;
            refused.all(|reply| passing_of(*reply).is_some()).then_some(first)
        }
        // What was refused is EXEC itself.
        None => {
            let (_, reason) = aborted.message().split_once(REASON)?;
            Some((passing_line(reason.as_bytes())?, reason.into()))
        }
    }
}

/// Whether a node of a cluster says by this answer to EXEC that it is not the one to run the transaction, or not now:
/// it looks at the keys of all commands again then, and throws the transaction away.
pub(crate) fn is_misplaced(line: &[u8]) -> bool {
    MISPLACED.iter().any(|code| line.starts_with(code))
}

/// What refused the transaction: the first of its commands that has an error of its own, or else EXEC.
fn first_refusal(body: &[Reply<'_>], exec: ServerError) -> Refusal {
    let first = body.iter().enumerate().find_map(|(place, reply)| Some((place, error_of(*reply)?)));
    match first {
        Some((place, error)) => Refusal { place: Some(place), error },
        None => Refusal { place: None, error: exec },
    }
}

/// Whether this answer to EXEC says that nothing has run.
fn has_not_run(error: &ServerError) -> bool {
    error.fate(const { known("EXEC") }) == Fate::Refused
}

/// Whether this answer to EXEC says that there was a transaction, and that it was thrown away because a command had been refused.
fn is_discarded(exec: Reply<'_>) -> bool {
    error_of(exec).is_some_and(|error| error.code() == ABORTED && !error.message().contains(REASON))
}

fn fate_of(reply: Reply<'_>, facts: &Facts) -> Fate {
    error_of(reply).map_or(Fate::Executed, |error| error.fate(facts))
}

fn error_of(reply: Reply<'_>) -> Option<ServerError> {
    reply.bytes().filter(|_| reply.is_error()).map(ServerError::from_bytes)
}

fn is_queued(reply: Reply<'_>) -> bool {
    !reply.is_error() && reply.bytes() == Some(b"QUEUED")
}

/// Why the server refused a command for the time being, in its own words: a script can give any line.
fn passing_line(line: &[u8]) -> Option<Passing> {
    Passing::of(line)
        .filter(|refusal| matches!(refusal, Passing::MasterDown | Passing::MaxClients) || precedes_scripts(line))
}

/// Whether a server that refuses with this may accept the same a little later.
fn passing_of(reply: Reply<'_>) -> Option<(Passing, Arc<str>)> {
    let line = reply.bytes().filter(|_| reply.is_error())?;
    Some((passing_line(line)?, String::from_utf8_lossy(line).into()))
}

/// What opens a transaction, as it is sent.
pub(crate) const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// What runs it.
pub(crate) const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// What EXEC is answered with if nothing has run.
const ABORTED: &str = "EXECABORT";

/// With these a node answers EXEC that says QUEUED to every command, and has slots moved since.
const MISPLACED: [&[u8]; 5] = [b"MOVED ", b"ASK ", b"TRYAGAIN ", b"CLUSTERDOWN ", b"CROSSSLOT "];

/// What stands before the reason when EXEC itself was refused.
const REASON: &str = "because of: ";

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::command::Command;
    use crate::resp::{Decoder, Frame, Limits};

    /// The answers, one line each; what the server sends unasked is left out, as on a connection.
    fn run(lines: &[&str]) -> Vec<Frame> {
        let mut wire = BytesMut::from(lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().as_str());
        let mut decoder = Decoder::new(Limits::default());
        let mut frames = Vec::new();
        while let Some(frame) = decoder.decode(&mut wire, lines.len()).unwrap() {
            if !frame.is_push() {
                frames.push(frame);
            }
        }
        assert!(wire.is_empty());
        frames
    }

    fn array(items: &[&str]) -> String {
        format!("*{}\r\n{}", items.len(), items.join("\r\n"))
    }

    /// In one word, and the error that the caller would see.
    fn verdict(commands: &[&str], lines: &[&str]) -> (&'static str, String) {
        let frames = run(lines);
        let replies: Vec<_> = frames.iter().flat_map(Frame::replies).collect();
        let facts: Vec<_> = commands.iter().map(|name| Command::new(name).facts()).collect();
        match judge(&replies, facts.into_iter()) {
            Verdict::Executed => ("executed", String::new()),
            Verdict::Refused(Refusal { place, error }) => {
                ("refused", format!("{}: {error}", place.map_or(String::from("-"), |place| place.to_string())))
            }
            Verdict::NotAtomic(error) => ("not atomic", error.to_string()),
            Verdict::Aborted => ("aborted", String::new()),
            Verdict::Unexpected(error) => ("unexpected", error.found().to_owned()),
        }
    }

    fn retryable(lines: &[&str]) -> bool {
        passing(&run(lines).iter().flat_map(Frame::replies).collect::<Vec<_>>()).is_some()
    }

    const TWO: &[&str] = &["INCR", "SET"];
    const WAITING: &str = "+QUEUED";
    const ABORT: &str = "-EXECABORT Transaction discarded because of previous errors.";
    const WITHOUT: &str = "-ERR EXEC without MULTI";

    #[test]
    fn what_encloses_a_transaction_is_encoded_as_any_command_is() {
        assert_eq!((MULTI, EXEC), (&*Command::new("MULTI").to_wire(), &*Command::new("EXEC").to_wire()));
    }

    #[test]
    fn a_transaction_that_a_node_of_a_cluster_throws_away_at_its_end_has_not_run() {
        let tried = "-TRYAGAIN Multiple keys request during rehashing of slot";
        for line in [tried, "-CLUSTERDOWN The cluster is down"] {
            assert!(retryable(&["+OK", WAITING, WAITING, line]), "{line}");
            assert!(!retryable(&["+OK", WAITING, ":1", line]), "{line}");
        }
        for line in [tried, "-MOVED 1 a:1", "-ASK 1 a:1"] {
            assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, line]), ("refused", format!("-: {}", &line[1..])));
        }
    }

    #[test]
    fn an_array_with_an_answer_for_each_command_is_a_transaction_that_ran() {
        let answers = array(&[":1", "-WRONGTYPE no"]);
        assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, &answers]).0, "executed");
        assert_eq!(verdict(&["GET"], &["+OK", WAITING, &array(&["$-1"])]).0, "executed");
    }

    #[test]
    fn a_push_inside_the_array_is_no_answer() {
        let answers = "*2\r\n>3\r\n+message\r\n+c\r\n+x\r\n:1\r\n+PONG";
        assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, answers]), ("executed", String::new()));
    }

    #[test]
    fn an_abort_is_told_by_the_first_command_that_was_refused() {
        let seen = verdict(TWO, &["+OK", WAITING, "-OOM command not allowed", ABORT]);
        assert_eq!(seen, ("refused", "1: OOM command not allowed".to_owned()));
        let seen = verdict(TWO, &["+OK", "-MOVED 1 h:1", "-ERR wrong number of arguments for 'set'", ABORT]);
        assert_eq!(seen, ("refused", "0: MOVED 1 h:1".to_owned()));
        let own = "-EXECABORT Transaction discarded because of: BUSY Redis is busy";
        assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, own]), ("refused", format!("-: {}", &own[1..])));
    }

    #[test]
    fn a_null_is_a_watch_that_failed() {
        for null in ["*-1", "_"] {
            assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, null]).0, "aborted", "{null}");
        }
    }

    #[test]
    fn without_multi_each_command_is_judged_by_itself() {
        let no = "-NOPERM User alice has no permissions to run the 'multi' command";
        assert_eq!(verdict(TWO, &[no, ":1", "+OK", WITHOUT]), ("not atomic", no[1..].to_owned()));
        assert_eq!(verdict(TWO, &[no, "-OOM no", "+OK", WITHOUT]).0, "not atomic");
        assert_eq!(verdict(TWO, &[no, "-WRONGTYPE no", "-OOM no", WITHOUT]).0, "not atomic");
        assert_eq!(verdict(TWO, &[no, "-OOM no", "-NOPERM no", WITHOUT]), ("refused", format!("-: {}", &no[1..])));
        // A script may have written before it failed.
        assert_eq!(verdict(&["EVAL"], &[no, "-OOM no", WITHOUT]).0, "not atomic");
        assert_eq!(verdict(&["MIGRATE"], &[no, "-IOERR no", WITHOUT]).0, "not atomic");
    }

    #[test]
    fn a_proxy_that_runs_the_commands_elsewhere_is_not_atomic() {
        assert_eq!(verdict(TWO, &["+OK", ":1", "+OK", WITHOUT]).0, "not atomic");
        assert_eq!(verdict(TWO, &["+OK", WAITING, "+OK", ABORT]).0, "not atomic");
        let nested = "-ERR MULTI calls can not be nested";
        assert_eq!(verdict(TWO, &[nested, WAITING, WAITING, &array(&[":1", "+OK"])]).0, "not atomic");
    }

    #[test]
    fn a_transaction_in_one_that_the_server_threw_away_was_refused() {
        let nested = "-ERR Command not allowed inside a transaction";
        assert_eq!(verdict(TWO, &[nested, WAITING, WAITING, ABORT]).0, "refused");
        // Whoever is refused MULTI and EXEC has no transaction: each command was one of its own.
        let denied = "-EXECABORT Transaction discarded because of: NOPERM no";
        assert_eq!(verdict(TWO, &["-NOPERM no", WAITING, WAITING, denied]).0, "not atomic");
        assert_eq!(verdict(TWO, &[nested, WAITING, "+OK", ABORT]).0, "not atomic");
    }

    #[test]
    fn an_exec_that_is_refused_in_other_words_ran_nothing_if_they_say_so() {
        assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, "-NOPERM no"]).0, "refused");
        assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, WITHOUT]).0, "unexpected");
    }

    #[test]
    fn what_is_no_answer_to_a_transaction_is_never_a_refusal() {
        for exec in ["+OK", ":1", "*1\r\n:1", "*3\r\n:1\r\n:2\r\n:3", "%0"] {
            assert_eq!(verdict(TWO, &["+OK", WAITING, WAITING, exec]).0, "unexpected", "{exec:?}");
        }
        assert_eq!(verdict(&[], &["+OK"]).0, "unexpected");
    }

    #[test]
    fn an_abort_is_tried_again_if_what_refused_the_commands_passes() {
        for passing in [
            "LOADING Redis is loading the dataset in memory",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN Hash slot not served",
            "MASTERDOWN Link with MASTER is down",
            "READONLY You can't write against a read only replica.",
        ] {
            let error = format!("-{passing}");
            assert!(retryable(&["+OK", WAITING, &error, ABORT]), "{passing}");
            assert!(retryable(&["+OK", WAITING, WAITING, &format!("-EXECABORT Discarded because of: {passing}")]));
            assert!(retryable(&[&error, &error, &error, WITHOUT]));
        }
        assert!(retryable(&["+OK", "-ERR max number of clients reached", WAITING, ABORT]));
    }

    #[test]
    fn nothing_else_is_tried_again() {
        for lasting in
            ["OOM x", "NOPERM x", "ERR wrong number of arguments", "ERR max", "LOADINGS", "MOVED 1 h:1", "LOADING x"]
        {
            let error = format!("-{lasting}");
            assert!(!retryable(&["+OK", WAITING, &error, ABORT]), "{lasting}");
            assert!(!retryable(&["+OK", "-LOADING x", &error, ABORT]), "{lasting}");
            assert!(!retryable(&["+OK", WAITING, WAITING, &format!("-EXECABORT Discarded because of: {lasting}")]));
        }
        assert!(!retryable(&["+OK", WAITING, WAITING, ABORT]));
        assert!(!retryable(&["+OK", WAITING, WAITING, &array(&[":1", "-LOADING x"])]));
        assert!(!retryable(&["+OK", WAITING, WAITING, "*-1"]));
        assert!(!retryable(&["+OK", WAITING, WAITING, "-LOADING x"]), "the server keeps what is queued");
        assert!(!retryable(&["+OK", ":1", "-LOADING x", ABORT]), "something ran");
        assert!(!retryable(&["-LOADING x", ":1", "-LOADING x", WITHOUT]), "something ran");
        assert!(!retryable(&["-LOADING x", "-OOM x", "-LOADING x", WITHOUT]));
    }
}
