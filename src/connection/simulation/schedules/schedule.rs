//! What happens in a simulation, step by step: made from a seed, and plain enough to be printed and shortened.

use std::fmt;
use std::time::Duration;

use super::dice::Dice;
use crate::command::Retry;
use crate::connection::{Offline, Repeat, Role};

/// Everything that a simulation depends on.
#[derive(Clone)]
pub(super) struct Schedule {
    pub(super) setting: Setting,
    pub(super) steps: Vec<Step>,
}

/// How the session is set up, and how its driver works.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) heartbeat: Option<Duration>,
    pub(super) silence: Option<Duration>,
    pub(super) offline: Offline,
    pub(super) connect_timeout: Duration,
    pub(super) read_buffer: usize,
    pub(super) identity: Known,
    pub(super) wakes: Wakes,
    pub(super) role: Role,
    /// Makes the jitter of the pauses.
    pub(super) seed: u64,
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// There are none.
    Nobody,
    Always,
    /// Somebody is asked each time.
    WhenAsked,
}

/// What becomes of being asked for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Gives(Duration),
    Fails(Duration),
    Silent,
}

/// Whether the server takes the credentials it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Taken,
    Wrong,
}

/// When the driver tells the session that time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wakes {
    /// Whenever it does anything.
    Always,
    /// Only when the session asked for it: what the session forgets to ask for does not happen.
    WhenAsked,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// These callers put their commands in, at once.
    Post(Vec<Call>),
    /// A caller goes away; which one, counted from the newest.
    Leave(usize),
    /// Time passes.
    Pass(Duration),
    /// How the network carries bytes from now on.
    Network(Network),
    /// How the server serves from now on.
    Mood(Mood),
    /// What dials find from now on.
    Door(Door),
    /// What the present connection is like from now on.
    Afflict(Affliction),
    /// The present connection ends.
    Cut(Cut),
    /// The server says something that was not asked for.
    Say(Saying),
    /// What becomes of being asked for credentials, from now on.
    Provider(Provider),
    /// What the server says to credentials, from now on.
    Login(Login),
    /// The credentials are others now.
    Change,
    /// The application changes what it is subscribed to.
    Wish(Vec<Wished>),
    /// Somebody publishes to a topic.
    Publish(Named),
    /// The server loses the slot of a shard channel, or gets it back.
    Move(u8),
    /// The link is to end.
    Close(Close),
}

/// A change of what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wished {
    pub(super) wants: bool,
    pub(super) named: Named,
}

/// A channel or a shard channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) is_shard: bool,
    pub(super) number: u8,
}

impl Named {
    fn roll(dice: &mut Dice) -> Self {
        Self { is_shard: dice.once_in(2), number: dice.below(3) as u8 }
    }

    /// What `name` names.
    pub(super) fn read(name: &[u8]) -> Option<Self> {
        match name {
            [kind @ (b'c' | b's'), digit] => Some(Self { is_shard: *kind == b's', number: digit - b'0' }),
            _ => None,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_shard { 's' } else { 'c' }, self.number)
    }
}

/// One caller's commands.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) commands: Vec<Verb>,
    pub(super) bond: Bond,
    /// How long it waits; `None` is for ever.
    pub(super) within: Option<Duration>,
}

/// What the commands of a caller have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    Pipeline,
    /// They run all or none.
    Transaction,
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verb {
    pub(super) effect: Effect,
    pub(super) key: u8,
    pub(super) repeat: Repeat,
    pub(super) retry: Retry,
    /// How many bytes it is longer than it must be.
    pub(super) padding: usize,
}

/// What a command does to its key, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Says who wrote last.
    Read,
    /// Takes the key if nobody has it, and says whether it did.
    Claim,
    /// The last one that runs is who wrote last.
    Write,
    /// Counts up, and says the count.
    Count,
}

/// How bytes get from one side to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) latency: Duration,
    /// How many bytes one write takes and one read gives at most.
    pub(super) gulp: usize,
    /// How many bytes the client's socket takes before it is full; `None`: it never is.
    pub(super) up: Option<usize>,
    /// How many bytes the client gets to read before the rest is held up.
    pub(super) down: Option<usize>,
}

/// How the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// It takes bytes, and does nothing with them until its mood changes; then it runs everything, also for connections
    /// that are gone.
    Stopped,
    /// It runs commands and does not answer; these connections will never answer again.
    Mute,
    /// It sends that many bytes of the next answer, and nothing more on that connection.
    Half(usize),
    /// It dies of every command for this key, after running it.
    Chokes(u8),
    /// It runs no commands, and says why.
    Refuses(Refused),
}

/// Why a server runs no commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Loading,
    MasterDown,
    /// It takes no writes.
    ReadOnly,
    TryAgain,
    ClusterDown,
    Full,
    /// Not one of those that are tried again.
    OutOfMemory,
}

/// What a dial finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) dial: Dial,
    pub(super) delay: Duration,
    pub(super) greeting: Greeting,
    /// The connection is reset when its client has sent that many bytes of commands.
    pub(super) doom: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dial {
    Opens,
    /// Opens, and is closed at once.
    Slams,
    /// Nobody listens.
    Refused,
    /// Fails in a way that only a person can mend.
    Broken,
    /// Does not end.
    Stalls,
}

/// What the server says to HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    Well,
    /// It does not know HELLO.
    Old,
    WrongPassword,
    Full,
    Loading,
    Gibberish,
    Mute,
    /// It is well, and answers nothing after that.
    ThenMute,
}

/// What may be wrong with one connection alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Affliction {
    /// Its server has become a replica; who connects anew reaches another one.
    ReadOnly,
    /// The server runs what comes and its answers are lost.
    Mute,
    /// Nothing arrives any more, in either direction.
    Severed,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server closes it; what it has said before still arrives.
    Finish,
    /// It is reset: what is on the way to the client is lost, and of what is on the way to the server these bytes arrive.
    Reset { arrive: usize },
}

/// What a server says unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    Push,
    /// An answer to no command; said only when no answer is due.
    Answer,
    /// No RESP.
    Gibberish,
    /// As if it had been asked to subscribe.
    Confirmation,
}

/// How a link is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// It answers what it has, for that long.
    Within(Duration),
    /// The same, and more may still come.
    WithMore(Duration),
    /// Its task is dropped.
    Drop,
}

impl Network {
    pub(super) const FREE: Self = Self { latency: Duration::ZERO, gulp: usize::MAX, up: None, down: None };

    fn roll(dice: &mut Dice) -> Self {
        let limit = |dice: &mut Dice| dice.once_in(2).then(|| dice.below(120) as usize);
        Self {
            latency: if dice.once_in(2) { Duration::ZERO } else { Duration::from_micros(dice.below(8_000)) },
            gulp: if dice.once_in(3) { 1 + dice.below(60) as usize } else { usize::MAX },
            up: limit(dice),
            down: limit(dice),
        }
    }
}

impl Door {
    pub(super) const OPEN: Self =
        Self { dial: Dial::Opens, delay: Duration::ZERO, greeting: Greeting::Well, doom: None };

    fn roll(dice: &mut Dice) -> Self {
        let mut door = Self { delay: dice.one_of(&[0, 0, 1, 5, 300]) * Duration::from_millis(1), ..Self::OPEN };
        match dice.below(4) {
            0 => door.dial = dice.one_of(&[Dial::Slams, Dial::Refused, Dial::Refused, Dial::Broken, Dial::Stalls]),
            1 => {
                use Greeting::{Full, Gibberish, Loading, Mute, Old, ThenMute, WrongPassword};
                door.greeting = dice.one_of(&[Old, Old, WrongPassword, Full, Loading, Gibberish, Mute, ThenMute]);
            }
            2 => door.doom = Some(dice.below(150) as usize),
            _ => {}
        }
        door
    }
}

impl Setting {
    /// Without anything that acts by itself.
    pub(super) const PLAIN: Self = Self {
        heartbeat: None,
        silence: None,
        offline: Offline::Wait,
        connect_timeout: Duration::from_secs(1),
        read_buffer: 4096,
        identity: Known::Nobody,
        wakes: Wakes::WhenAsked,
        role: Role::Shared,
        seed: 1,
    };

    fn roll(dice: &mut Dice) -> Self {
        Self {
            heartbeat: dice.once_in(2).then(|| Duration::from_millis(10) + dice.millis(100)),
            silence: dice.once_in(2).then(|| Duration::from_millis(80) + dice.millis(400)),
            offline: if dice.once_in(8) { Offline::FailFast } else { Offline::Wait },
            connect_timeout: Duration::from_millis(200) + dice.millis(2_000),
            read_buffer: dice.one_of(&[64, 256, 4096]),
            identity: dice.one_of(&[Known::Nobody, Known::Nobody, Known::Always, Known::WhenAsked]),
            wakes: dice.one_of(&[Wakes::Always, Wakes::WhenAsked]),
            role: dice.one_of(&[Role::Shared, Role::Subscriber]),
            seed: dice.below(u64::MAX),
        }
    }
}

impl Schedule {
    /// The schedule of a seed: always the same one.
    pub(super) fn from_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setting = Setting::roll(&mut dice);
        // Up to which effect commands are sent again; beyond the last one: all of them are.
        let replay =
            dice.one_of(&[None, Some(Effect::Read), Some(Effect::Claim), Some(Effect::Write), Some(Effect::Count)]);
        let calm = dice.one_of(&[40, 12, 5]);
        let count = 10 + dice.below(90);
        let steps = (0..count)
            .map(|_| if dice.once_in(calm) { fault(&mut dice) } else { Step::ordinary(&mut dice, replay) })
            .collect();
        Self { setting, steps }
    }
}

impl Step {
    fn ordinary(dice: &mut Dice, replay: Option<Effect>) -> Self {
        match dice.below(23) {
            20 => {
                let wish = |dice: &mut Dice| Wished { wants: !dice.once_in(3), named: Named::roll(dice) };
                let count = 1 + dice.below(5);
                Self::Wish((0..count).map(|_| wish(dice)).collect())
            }
            21 => Self::Publish(Named::roll(dice)),
            22 if dice.once_in(3) => Self::Move(dice.below(3) as u8),
            0..=8 => {
                let callers = if dice.once_in(4) { 2 + dice.below(3) } else { 1 };
                Self::Post((0..callers).map(|_| Call::roll(dice, replay)).collect())
            }
            9 => Self::Leave(dice.below(12) as usize),
            10 | 11 => Self::Network(if dice.once_in(3) { Network::FREE } else { Network::roll(dice) }),
            _ => Self::Pass(pause(dice)),
        }
    }
}

/// A time that nothing in particular happens in: short, mostly.
fn pause(dice: &mut Dice) -> Duration {
    match dice.below(160) {
        0 => Duration::from_secs(dice.below(30)),
        1..=9 => dice.millis(3_000),
        10..=49 => Duration::from_micros(dice.below(2_000)),
        _ => dice.millis(25),
    }
}

impl Call {
    fn roll(dice: &mut Dice, replay: Option<Effect>) -> Self {
        let most = if dice.once_in(10) { 40 } else { 5 };
        let commands = if dice.once_in(5) { 2 + dice.below(most) } else { 1 };
        let within = match dice.below(8) {
            0 | 1 => None,
            2 => Some(dice.millis(10_000)),
            3 => Some(Duration::from_micros(dice.below(2_000))),
            _ => Some(dice.millis(60)),
        };
        let bond = if dice.once_in(6) { Bond::Transaction } else { Bond::Pipeline };
        Self { commands: (0..commands).map(|_| Verb::roll(dice, replay)).collect(), bond, within }
    }
}

impl Verb {
    fn roll(dice: &mut Dice, replay: Option<Effect>) -> Self {
        let effect = dice.one_of(&[Effect::Read, Effect::Claim, Effect::Write, Effect::Count]);
        let allowed = replay.is_some_and(|upto| effect <= upto) && !dice.once_in(10);
        let padding = if dice.once_in(200) { 20_000 } else { dice.below(20) as usize };
        let keys = if effect == Effect::Claim { 16 } else { 3 };
        let repeat = if allowed { Repeat::Allowed } else { Repeat::Forbidden };
        let retry = dice.one_of(&[Retry::All, Retry::All, Retry::All, Retry::All, Retry::BeforeScripts, Retry::Never]);
        Self { effect, key: dice.below(keys) as u8, repeat, retry, padding }
    }
}

fn fault(dice: &mut Dice) -> Step {
    match dice.below(24) {
        20 | 21 => Step::Change,
        22 => Step::Login(dice.one_of(&[Login::Taken, Login::Taken, Login::Wrong])),
        23 => {
            let after = dice.one_of(&[0, 0, 1, 30, 3_000]) * Duration::from_millis(1);
            let [gives, fails] = [Provider::Gives(after), Provider::Fails(after)];
            Step::Provider(dice.one_of(&[gives, gives, fails, Provider::Silent]))
        }
        0..=5 => Step::Cut(if dice.once_in(2) { Cut::Finish } else { Cut::Reset { arrive: dice.below(100) as usize } }),
        6..=8 => Step::Mood(Mood::Well),
        9..=11 => Step::Mood(match dice.below(8) {
            0 | 1 => Mood::Stopped,
            2 => Mood::Mute,
            3 => Mood::Half(dice.below(12) as usize),
            4 => Mood::Chokes(dice.below(3) as u8),
            _ => Mood::Refuses(dice.one_of(&[
                Refused::Loading,
                Refused::Loading,
                Refused::MasterDown,
                Refused::ReadOnly,
                Refused::TryAgain,
                Refused::ClusterDown,
                Refused::Full,
                Refused::OutOfMemory,
            ])),
        }),
        12 | 13 => Step::Door(Door::OPEN),
        14 | 15 => Step::Door(Door::roll(dice)),
        16 | 17 => Step::Afflict(dice.one_of(&[Affliction::ReadOnly, Affliction::Mute, Affliction::Severed])),
        18 if dice.once_in(6) => Step::Close(match dice.below(4) {
            0 | 1 => Close::Within(dice.millis(100)),
            2 => Close::WithMore(dice.millis(1_000)),
            _ => Close::Drop,
        }),
        _ => Step::Say(dice.one_of(&[
            Saying::Push,
            Saying::Push,
            Saying::Push,
            Saying::Answer,
            Saying::Gibberish,
            Saying::Confirmation,
        ])),
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.setting)?;
        self.steps.iter().enumerate().try_for_each(|(index, step)| writeln!(f, "{index:4}  {step:?}"))
    }
}
