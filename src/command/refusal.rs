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
/// | `READONLY` | the server became a replica | in the same way; the address is connected to anew, and what it leads to now is used if it is no replica |
/// | `TRYAGAIN` | the keys are being moved | each after a pause |
/// | `ERR max number of clients reached` | there is no room for the connection | each after a pause |
///
/// The pauses grow from 10 ms to 1 s. While nothing else is sent (`LOADING`, `MASTERDOWN`), new calls are kept back too and
/// keep their order, but for those that [fail fast](Self::FailFast): they are sent and pass the others. `MOVED` and `ASK`
/// are not tried again: they name another server, and a client that was given one address stays there. Nor are scripts, and
/// commands that this crate does not know, after `MASTERDOWN` and `ERR max number of clients reached`: these may come from
/// the middle of their work.
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

    /// The same, if `retry` covers it.
    pub(crate) fn covered(self, retry: Retry) -> Option<Self> {
        let covered = match retry {
            Retry::Never => false,
            // In a script these may come from a command in its middle.
            Retry::BeforeScripts => !matches!(self, Self::MasterDown | Self::MaxClients),
            Retry::All => true,
        };
        covered.then_some(self)
    }
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
        assert_eq!(Refusal::MasterDown.covered(Retry::BeforeScripts), None);
        assert_eq!(Refusal::Loading.covered(Retry::BeforeScripts), Some(Refusal::Loading));
        assert_eq!(Refusal::MasterDown.covered(Retry::All), Some(Refusal::MasterDown));
        assert_eq!(Refusal::Loading.covered(Retry::Never), None);
    }
}
