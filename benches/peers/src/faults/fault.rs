//! The rows of the fault table.

use std::time::Duration;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    IdleCut,
    CutGet,
    CutIncr,
    Restart,
    Stop,
    Hole,
    TlsSilence,
    Password,
    HalfDuplex,
    ClusterUnreachable,
    ClusterStop,
    ClusterAsk,
    ClusterSunsubscribe,
    ClusterMset,
}

impl Fault {
    pub(super) const ALL: &[Self] = &[
        Self::IdleCut,
        Self::CutGet,
        Self::CutIncr,
        Self::Restart,
        Self::Stop,
        Self::Hole,
        Self::TlsSilence,
        Self::Password,
        Self::HalfDuplex,
        Self::ClusterUnreachable,
        Self::ClusterStop,
        Self::ClusterAsk,
        Self::ClusterSunsubscribe,
        Self::ClusterMset,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::IdleCut => "idle-cut",
            Self::CutGet => "cut-get",
            Self::CutIncr => "cut-incr",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Hole => "hole",
            Self::TlsSilence => "tls-silence",
            Self::Password => "password",
            Self::HalfDuplex => "half-duplex",
            Self::ClusterUnreachable => "cluster-unreachable",
            Self::ClusterStop => "cluster-stop",
            Self::ClusterAsk => "cluster-ask",
            Self::ClusterSunsubscribe => "cluster-sunsubscribe",
            Self::ClusterMset => "cluster-mset",
        }
    }

    pub(super) fn title(self, pace: Pace) -> String {
        match self {
            Self::IdleCut => format!("idle connection cut, then one GET ({} times)", pace.idle_cuts()),
            Self::CutGet => format!("cut every 200 ms for {}, 64 tasks of GET", seconds(pace.cutting())),
            Self::CutIncr => "the same with INCR".to_owned(),
            Self::Restart => "server killed and restarted, 16 tasks of GET".to_owned(),
            Self::Stop => format!("server stopped (SIGSTOP) for {}, 16 tasks of GET", seconds(pace.stopped())),
            Self::Hole => format!("black hole (no FIN, no RST) for {}, 16 tasks of GET", seconds(pace.hole())),
            Self::TlsSilence => "TLS peer accepts and stays silent: connect".to_owned(),
            Self::Password => format!("password wrong for {}, then right", seconds(pace.wrong_password())),
            Self::HalfDuplex => "16 MB both ways through a half-duplex peer".to_owned(),
            Self::ClusterUnreachable => {
                format!("cluster: seed answers, other nodes unreachable; {} GETs on the seed", pace.live_gets())
            }
            Self::ClusterStop => {
                format!("cluster: one node stopped (SIGSTOP) for {}, GETs on others", seconds(pace.stopped()))
            }
            Self::ClusterAsk => format!("slot in ASK state for {} under load", seconds(pace.asking())),
            Self::ClusterSunsubscribe => "unasked `sunsubscribe` (slot leaves), 32 times under load".to_owned(),
            Self::ClusterMset => "cluster MSET with a shard unreachable (killed)".to_owned(),
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    pub(super) fn is_of_clusters(self) -> bool {
        matches!(
            self,
            Self::ClusterUnreachable
                | Self::ClusterStop
                | Self::ClusterAsk
                | Self::ClusterSunsubscribe
                | Self::ClusterMset
        )
    }

    /// Whether its runs mostly wait, so that those of several clients don't disturb each other.
    pub(super) fn only_waits(self) -> bool {
        matches!(self, Self::TlsSilence | Self::Password | Self::ClusterUnreachable)
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Full,
    /// Does everything run? The figures are of little worth.
    Quick,
}

impl Pace {
    pub(super) fn idle_cuts(self) -> u32 {
        self.choose(20, 3)
    }

    pub(super) fn cutting(self) -> Duration {
        self.choose(Duration::from_secs(10), Duration::from_secs(1))
    }

    pub(super) fn stopped(self) -> Duration {
        self.choose(Duration::from_secs(2), Duration::from_millis(700))
    }

    /// The system sends again at 3.0 s and at 6.2 s or so: who waits for that comes late.
    pub(super) fn hole(self) -> Duration {
        self.choose(Duration::from_secs(4), Duration::from_millis(700))
    }

    /// Longer than a series of attempts by redis-rs, which then gives up.
    pub(super) fn wrong_password(self) -> Duration {
        self.choose(Duration::from_secs(15), Duration::from_millis(300))
    }

    /// How long calls may go on to fail after a fault is over.
    pub(super) fn recovery(self) -> Duration {
        self.choose(Duration::from_secs(30), Duration::from_secs(3))
    }

    /// How long a connect may take that should take half a second.
    pub(super) fn connecting(self) -> Duration {
        self.choose(Duration::from_secs(30), Duration::from_secs(2))
    }

    /// How long the 16 MB may take.
    pub(super) fn transfer(self) -> Duration {
        self.choose(Duration::from_secs(10), Duration::from_secs(3))
    }

    /// On the one node that is there.
    pub(super) fn live_gets(self) -> usize {
        self.choose(100, 20)
    }

    /// How long half of a slot's keys are at its new node.
    pub(super) fn asking(self) -> Duration {
        self.choose(Duration::from_secs(4), Duration::from_millis(500))
    }

    /// How long it takes until the next slot moves.
    pub(super) fn between_slots(self) -> Duration {
        self.choose(Duration::from_millis(100), Duration::from_millis(10))
    }

    pub(super) fn writes(self) -> u32 {
        self.choose(20, 3)
    }

    /// For a whole run: what takes longer hangs.
    pub(super) fn bound(self) -> Duration {
        self.choose(Duration::from_secs(120), Duration::from_secs(20))
    }

    fn choose<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
