//! What servers refuse for the time being, and what is done then.

use super::facts::{Facts, Refusals};

/// What a call does whose command the server refused for the time being: it answered that it did not run the command, for
/// a reason that passes.
///
/// | answer | means | is tried again |
/// |---|---|---|
/// | `LOADING` | the server reads its data from disk | behind one `PING`: nothing else is sent until that is let in |
/// | `MASTERDOWN` | a replica has lost its primary, and may not answer from old data | in the same way |
/// | `CLUSTERDOWN` | the cluster has no owner for the key, or no majority | behind the first one of those refused |
/// | `READONLY` | the server became a replica | in the same way; the address is connected to anew, and what it leads to now is used if it is no replica. With several nodes: at the one that is the primary then |
/// | `TRYAGAIN` | the keys are being moved | each after a pause |
/// | `ERR max number of clients reached` | there is no room for the connection | each after a pause |
///
/// The pauses grow from 10 ms to 1 s. While nothing else is sent (`LOADING`, `MASTERDOWN`), new calls are kept back too and
/// keep their order, but for those that [fail fast](Self::FailFast): they are sent and pass the others. Not tried again are
/// scripts, and commands that this crate does not know, after `MASTERDOWN` and `ERR max number of clients reached`: these may
/// come from the middle of their work.
///
/// # Several nodes
/// `MOVED` and `ASK` name another node. A client of a cluster sends the command there, whatever is set here: that is finding the
/// node, and no waiting. A client that was given one server alone stays there, and the answer is its caller's error. All the rest
/// above is so for each node by itself; only where a replica was asked because it may answer
/// [reads](crate::client::ReadFrom), and answers `LOADING`, `MASTERDOWN` or `CLUSTERDOWN`, the primary is asked instead.
///
/// # Ordering
/// A command that is tried again may run after others that were sent later: after later ones of its own pipeline, which the
/// server took meanwhile, and after calls made at the same time. Where that matters there is [`FailFast`](Self::FailFast),
/// a [transaction](crate::Client::transaction), or awaiting one call after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnRefusal {
    /// It waits and is tried again, until its deadline: the error is a timeout then, with fate `Refused` and the server's
    /// words (`NotSent` if it was only kept back). It may run after commands that were sent later.
    #[default]
    Wait,
    /// It fails at once, with the server's error and fate `Refused`, and never runs after commands that were sent later. It
    /// is sent also while others are kept back, before them. A pipeline is sent then if one of its commands fails fast.
    FailFast,
}

/// Why a server refused a command for the time being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Loading,
    MasterDown,
    ClusterDown,
    ReadOnly,
    TryAgain,
    MaxClients,
}

/// After which refusals a command is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// Those that a server gives before it begins to run anything.
    BeforeScripts,
    All,
}

impl Refusal {
    /// What an error line says; `None` if it is of another kind.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        let code = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        Some(match code {
            b"LOADING" => Self::Loading,
            b"MASTERDOWN" => Self::MasterDown,
            b"CLUSTERDOWN" => Self::ClusterDown,
            b"READONLY" => Self::ReadOnly,
            b"TRYAGAIN" => Self::TryAgain,
            b"ERR" if line.starts_with(b"ERR max number of clients") => Self::MaxClients,
            _ => return None,
        })
    }

    /// What an error line says, if `retry` covers it.
    pub(crate) fn covered(line: &[u8], retry: Retry) -> Option<Self> {
        match retry {
            Retry::Never => None,
            Retry::BeforeScripts => Self::of(line).filter(|_| precedes_scripts(line)),
            Retry::All => Self::of(line),
        }
    }
}

/// Whether an error line is one that servers give before they begin to run a script, in their own words: a script can
/// give any line that begins with the same word, when it has written already.
pub(crate) fn precedes_scripts(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    if BEFORE_SCRIPTS.iter().any(|(head, tail)| line.strip_prefix(head).is_some_and(|rest| rest.contains(tail))) {
        return true;
    }
    let redirection = line.strip_prefix("MOVED ").or_else(|| line.strip_prefix("ASK "));
    let parts = redirection.and_then(|rest| rest.split_once(' '));
    parts.is_some_and(|(slot, node)| slot.parse::<u16>().is_ok() && node.contains(':') && !node.contains(' '))
}

impl OnRefusal {
    /// After which refusals a command with these facts is tried again.
    pub(crate) fn retry(self, facts: &Facts) -> Retry {
        match (self, facts.refusals()) {
            (Self::FailFast, _) => Retry::Never,
            (Self::Wait, Refusals::BeforeScripts) => Retry::BeforeScripts,
            (Self::Wait, Refusals::Usual) => Retry::All,
        }
    }
}

/// How those lines begin, and what follows somewhere (Redis 6.0 to 8.0, Valkey 8.0 to 9.1).
const BEFORE_SCRIPTS: &[(&str, &str)] = &[
    ("LOADING ", " is loading the dataset in memory"),
    ("TRYAGAIN Multiple keys request during rehashing of slot", ""),
    ("CLUSTERDOWN The cluster is down", ""),
    ("CLUSTERDOWN Hash slot not served", ""),
    ("BUSY ", " is busy running a script"),
    ("NOSCRIPT No matching script", ""),
    // Of a script's own write: nothing it did before can have been one.
    ("READONLY You can't write against a read only replica.", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_first_word() {
        for (line, refusal) in [
            (&b"LOADING Redis is loading the dataset in memory"[..], Some(Refusal::Loading)),
            (
                b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Some(Refusal::MasterDown),
            ),
            (b"CLUSTERDOWN Hash slot not served", Some(Refusal::ClusterDown)),
            (b"READONLY You can't write against a read only replica.", Some(Refusal::ReadOnly)),
            (b"TRYAGAIN Multiple keys request during rehashing of slot", Some(Refusal::TryAgain)),
            (b"ERR max number of clients reached", Some(Refusal::MaxClients)),
            (b"LOADINGS", None),
            (b"ERR LOADING", None),
            (b"OOM command not allowed when used memory > 'maxmemory'.", None),
            (b"MOVED 1 127.0.0.1:7000", None),
            (b"", None),
        ] {
            assert_eq!(Refusal::of(line), refusal, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn what_may_come_from_the_middle_of_a_script_is_not_tried_again() {
        let covered = |line: &str, retry| Refusal::covered(line.as_bytes(), retry);
        for (line, refusal) in [
            ("LOADING Redis is loading the dataset in memory", Some(Refusal::Loading)),
            ("LOADING Valkey is loading the dataset in memory", Some(Refusal::Loading)),
            ("LOADING the cache is cold", None),
            ("TRYAGAIN the quota is used up", None),
            ("READONLY the tenant is frozen", None),
            ("CLUSTERDOWN we are closed", None),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", None),
        ] {
            assert_eq!(covered(line, Retry::BeforeScripts), refusal, "{line}");
            assert_eq!(covered(line, Retry::All), Refusal::of(line.as_bytes()), "{line}");
            assert_eq!(covered(line, Retry::Never), None);
        }
        for (line, precedes) in [
            ("MOVED 3999 127.0.0.1:6381", true),
            ("ASK 3999 [::1]:6381", true),
            ("MOVED out of town", false),
            ("MOVED 3999 away: for good", false),
            ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", true),
            ("BUSY try later", false),
            ("NOSCRIPT No matching script. Please use EVAL.", true),
            ("OOM command not allowed when used memory > 'maxmemory'.", false),
        ] {
            assert_eq!(precedes_scripts(line.as_bytes()), precedes, "{line}");
        }
    }
}
