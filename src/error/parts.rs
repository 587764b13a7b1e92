//! What became of each part of a command that went to several nodes.

use std::fmt;

use bytes::Bytes;

use super::Error;
use crate::outcome::{Address, Fate};

/// What became of one part of a command that went to several nodes of a cluster: see [`Error::parts`].
#[derive(Clone)]
pub struct ErrorPart {
    node: Option<Address>,
    keys: Vec<Bytes>,
    error: Option<Error>,
}

impl ErrorPart {
    /// `error`: `None` if the node has answered.
    pub(crate) fn new(node: Option<Address>, keys: Vec<Bytes>, error: Option<Error>) -> Self {
        Self { node, keys, error }
    }

    /// The node that this part went to, or was to go to; `None` if none was known that has its slot.
    pub fn node(&self) -> Option<&Address> {
        self.node.as_ref()
    }

    /// The keys of this part, in the order in which the command had them; none, if all nodes got the same command.
    pub fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    /// What became of this part. [`Fate::Executed`] also if there is no [`error`](Self::error).
    pub fn fate(&self) -> Fate {
        self.error.as_ref().map_or(Fate::Executed, Error::fate)
    }

    /// What went wrong; `None` if the node has answered, and not with an error.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

/// How many keys, and not which: keys are data.
impl fmt::Debug for ErrorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorPart")
            .field("node", &self.node)
            .field("keys", &self.keys.len())
            .field("fate", &self.fate())
            .field("error", &self.error)
            .finish()
    }
}

/// The fate of the whole: that of all parts, if it is the same.
pub(super) fn fate(parts: &[ErrorPart]) -> Fate {
    let mut fates = parts.iter().map(ErrorPart::fate);
    let first = fates.next().unwrap_or(Fate::NotSent);
    if fates.all(|fate| fate == first) { first } else { Fate::Partial }
}

/// Which nodes failed, with their errors, and which answered.
pub(super) fn write(parts: &[ErrorPart], what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let nodes = Nodes::of(parts);
    let (failed, answered) = (nodes.failed.len(), nodes.answered.len());
    match answered {
        0 if failed == 1 => write!(f, "{what} failed:")?,
        0 => write!(f, "{what} failed on all of {failed} nodes:")?,
        _ => write!(f, "{what} failed on {failed} of {} nodes:", failed + answered)?,
    }
    for (index, (_, error)) in nodes.failed.iter().take(SHOWN).enumerate() {
        write!(f, "{} {error}", if index == 0 { "" } else { ";" })?;
    }
    write_more(failed, f)?;
    for (index, node) in nodes.answered.iter().take(SHOWN).enumerate() {
        f.write_str(if index == 0 { "; " } else { ", " })?;
        match node {
            Some(node) => write!(f, "{node}")?,
            None => f.write_str("another one")?,
        }
    }
    write_more(answered, f)?;
    if answered > 0 {
        f.write_str(" answered")?;
    }
    write!(f, " ({})", fate(parts))
}

fn write_more(nodes: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match nodes.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// Each node once: a node can have many parts, one for each slot.
struct Nodes<'p> {
    failed: Vec<(Option<&'p Address>, &'p Error)>,
    answered: Vec<Option<&'p Address>>,
}

impl<'p> Nodes<'p> {
    fn of(parts: &'p [ErrorPart]) -> Self {
        let mut failed: Vec<(Option<&Address>, &Error)> = Vec::new();
        let mut answered = Vec::new();
        for part in parts {
            if let Some(error) = part.error() {
                if failed.iter().all(|(node, _)| *node != part.node()) {
                    failed.push((part.node(), error));
                }
            }
        }
        for part in parts.iter().filter(|part| part.error().is_none()) {
            if failed.iter().all(|(node, _)| *node != part.node()) && !answered.contains(&part.node()) {
                answered.push(part.node());
            }
        }
        Self { failed, answered }
    }
}

/// How many nodes are named in a text.
const SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::error::{Detail, Report};
    use crate::outcome::{Cause, Stage};

    fn node(port: u16) -> Address {
        Address::tcp("10.0.0.1", port)
    }

    fn late(port: u16, fate: Fate) -> Error {
        let report = Report::new(ErrorKind::Timeout, fate, "MGET");
        let (stage, detail) = (Some(Stage::Connecting), Detail::Cause(Cause::PeerClosed));
        Error::new(Report { node: Some(node(port)), stage, detail, ..report })
    }

    fn part(port: u16, key: &'static str, error: Option<Error>) -> ErrorPart {
        ErrorPart::new(Some(node(port)), vec![Bytes::from_static(key.as_bytes())], error)
    }

    fn whole(parts: Vec<ErrorPart>) -> Error {
        Error::new(Report::of_parts("MGET".into(), parts))
    }

    #[test]
    fn an_error_of_parts_says_who_answered_and_who_did_not() {
        let error = whole(vec![
            part(7001, "secret-a", None),
            part(7002, "secret-b", Some(late(7002, Fate::NotSent))),
            part(7002, "secret-c", Some(late(7002, Fate::NotSent))),
            part(7003, "secret-d", None),
        ]);
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Partial));
        assert_eq!((error.node(), error.stage()), (Some(&node(7002)), Some(Stage::Connecting)));
        assert!(matches!(error.cause(), Some(Cause::PeerClosed)));
        let text = error.to_string();
        assert!(text.starts_with("MGET failed on 1 of 3 nodes: MGET timed out: connecting to 10.0.0.1:7002"), "{text}");
        assert!(text.ends_with("; 10.0.0.1:7001, 10.0.0.1:7003 answered (executed in part)"), "{text}");
        for shown in [text, format!("{error:?}"), format!("{:?}", error.parts())] {
            assert!(!shown.contains("secret"), "{shown}");
        }
        let fates: Vec<Fate> = error.parts().iter().map(ErrorPart::fate).collect();
        assert_eq!(fates, [Fate::Executed, Fate::NotSent, Fate::NotSent, Fate::Executed]);
        assert_eq!(error.parts()[1].keys(), ["secret-b"]);
        assert_eq!(error.parts()[1].node(), Some(&node(7002)));
        assert!(error.parts()[1].error().is_some() && error.parts()[0].error().is_none());
    }

    #[test]
    fn parts_with_one_fate_have_that_together() {
        let fate = |fates: &[Fate]| whole(fates.iter().map(|fate| part(7001, "k", Some(late(7001, *fate)))).collect());
        assert_eq!(fate(&[Fate::NotSent, Fate::NotSent]).fate(), Fate::NotSent);
        assert_eq!(fate(&[Fate::Unknown, Fate::NotSent]).fate(), Fate::Partial);
        assert_eq!(fate(&[Fate::Refused]).fate(), Fate::Refused);
        assert!(fate(&[Fate::NotSent]).to_string().starts_with("MGET failed: MGET timed out"));
    }

    #[test]
    fn a_thousand_nodes_make_no_thousand_lines() {
        let failed = (1..500).map(|port| part(port, "k", Some(late(port, Fate::Unknown))));
        let answered = (500..1000).map(|port| part(port, "k", None));
        let text = whole(failed.chain(answered).collect()).to_string();
        assert!(text.starts_with("MGET failed on 499 of 999 nodes:"), "{text}");
        assert!(text.contains(" and 495 more; ") && text.contains(" and 496 more answered"), "{text}");
        assert!(text.len() < 1000, "{text}");
    }
}
