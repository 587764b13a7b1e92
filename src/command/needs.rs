//! What a command needs of its connection, and what it makes of it.

use std::time::Duration;

use super::facts::{self, BlockTime, Facts, Mark, Sharing};
use super::raw::{Command, reads};

/// Which connection a command has to be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// One that others use too will do.
    Shared,
    /// One that nobody else uses until the answer is there.
    Blocking(Block),
    /// One that nobody else uses as long as what the command makes of it is wanted.
    Dedicated,
    /// One for subscriptions, which the crate keeps by itself.
    Subscription,
}

/// How long a command waits on the server at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// This long; not at all if what it says about that cannot be read: then the server says what is wrong.
    For(Duration),
    /// Without end.
    Forever,
}

impl Command {
    /// Which connection it has to be sent on.
    pub(crate) fn needs(&self) -> Needs {
        match self.facts().sharing() {
            Sharing::Shared => Needs::Shared,
            _ => self.needs_rarely(),
        }
    }

    /// Few commands need anything.
    fn needs_rarely(&self) -> Needs {
        match self.resolved().sharing() {
            Sharing::Shared | Sharing::BySubcommand => Needs::Shared,
            Sharing::Blocking => self.block().map_or(Needs::Shared, Needs::Blocking),
            Sharing::Dedicated => Needs::Dedicated,
            Sharing::Subscription => Needs::Subscription,
        }
    }

    /// How long it waits on the server at most; `None`: it is answered at once.
    pub(crate) fn block(&self) -> Option<Block> {
        Some(match self.facts().block_time()? {
            BlockTime::FirstSeconds => Block::of_seconds(self.word(self.facts().words())),
            BlockTime::LastSeconds => Block::of_seconds(self.words().last()),
            BlockTime::LastMilliseconds => Block::of_milliseconds(self.words().last()),
            BlockTime::BlockMilliseconds => Block::of_milliseconds(self.block_option()?),
        })
    }

    /// The same command, which waits on the server for so long at most: a millisecond at least, as nothing would be for ever.
    pub(crate) fn with_block(mut self, block: Duration) -> Self {
        let (seconds, milliseconds) = (block.as_secs_f64().max(0.001), block.as_millis().max(1) as u64);
        let place = match self.facts().block_time() {
            None => None,
            Some(BlockTime::FirstSeconds) => Some(self.facts().words()),
            Some(BlockTime::LastSeconds | BlockTime::LastMilliseconds) => self.len().checked_sub(1),
            Some(BlockTime::BlockMilliseconds) => self.block_place(),
        };
        match (place, self.facts().block_time()) {
            (Some(place), Some(BlockTime::FirstSeconds | BlockTime::LastSeconds)) => {
                self.splice(place, 1, &format!("{seconds:.3}"));
            }
            (Some(place), _) => self.splice(place, 1, &milliseconds),
            (None, _) => {}
        }
        self
    }

    /// What it makes of the connection that it is sent on.
    pub(crate) fn mark(&self) -> Mark {
        self.resolved().mark()
    }

    /// Where there is what it is for, if it must not be sent where it was to be: a part of the error's text.
    pub(crate) fn elsewhere(&self) -> &'static str {
        let facts = self.resolved();
        match facts.name().split(' ').next().unwrap_or_default() {
            _ if facts.sharing() == Sharing::Subscription => "there is `Client::subscribe` for it",
            _ if facts.sharing() == Sharing::Blocking => "it would hold up what comes behind it; await it by itself",
            "MONITOR" => "there is `Dedicated::monitor` for it",
            "CLIENT" if facts.mark() == Mark::Seizes => "there is `Pipeline::execute_unanswered` for it",
            _ if facts.mark() == Mark::Seizes => "its answers are not those of commands",
            "MULTI" | "EXEC" | "DISCARD" => "there is `Client::transaction` for it",
            "WATCH" | "UNWATCH" => {
                "there is `Client::optimistic` for it, or a connection of one's own (`Client::dedicated`)"
            }
            "SELECT" => "there is `Client::database` for it, or a connection of one's own (`Client::dedicated`)",
            _ => "it would change the connection for all others; it needs one of its own (`Client::dedicated`)",
        }
    }

    /// What is known of it; the facts of the subcommand, where that stands among the arguments.
    pub(crate) fn resolved(&self) -> &'static Facts {
        let facts = self.facts();
        if facts.sharing() != Sharing::BySubcommand {
            return facts;
        }
        self.word(1).and_then(|word| facts::subcommand(facts, word)).unwrap_or(facts)
    }

    /// What stands behind the last `BLOCK` before `STREAMS`, if there is one. The names behind `GROUP` are left out: those may
    /// be any word.
    fn block_option(&self) -> Option<Option<&[u8]>> {
        self.block_place().map(|place| self.word(place))
    }

    fn block_place(&self) -> Option<usize> {
        let mut words = self.words().enumerate();
        let mut found = None;
        while let Some((place, word)) = words.next() {
            if reads(word, b"BLOCK") {
                found = Some(place + 1);
                words.next();
            } else if reads(word, b"STREAMS") {
                break;
            } else if reads(word, b"GROUP") {
                words.nth(1);
            }
        }
        found
    }
}

impl Block {
    fn of_seconds(word: Option<&[u8]>) -> Self {
        let seconds = word.and_then(|word| std::str::from_utf8(word).ok()?.parse::<f64>().ok());
        match seconds {
            Some(0.0) => Self::Forever,
            Some(seconds) => Self::For(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
            None => Self::For(Duration::ZERO),
        }
    }

    fn of_milliseconds(word: Option<&[u8]>) -> Self {
        let milliseconds = word.and_then(|word| std::str::from_utf8(word).ok()?.parse::<i64>().ok());
        match milliseconds {
            Some(0) => Self::Forever,
            Some(milliseconds) => Self::For(Duration::from_millis(milliseconds.try_into().unwrap_or_default())),
            None => Self::For(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(line: &str) -> Needs {
        Command::new(line).needs()
    }

    #[test]
    fn the_time_that_is_left_takes_the_place_of_the_whole_time() {
        let left = |line: &str| {
            let wire = Command::new(line).with_block(Duration::from_millis(1500)).to_wire();
            let wire = String::from_utf8(wire).unwrap();
            wire.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(left("BLPOP q r 30"), "BLPOP q r 1.500");
        assert_eq!(left("BLMOVE a b LEFT RIGHT 30"), "BLMOVE a b LEFT RIGHT 1.500");
        assert_eq!(left("BLMPOP 30 2 30 q LEFT"), "BLMPOP 1.500 2 30 q LEFT");
        let group = "XREADGROUP GROUP BLOCK g COUNT 1 BLOCK 30000 STREAMS BLOCK >";
        assert_eq!(left(group), group.replace("30000", "1500"));
        assert_eq!(
            Command::new("BLPOP q 5").with_block(Duration::ZERO).block(),
            Some(Block::For(Duration::from_millis(1)))
        );
    }

    fn is_shared(line: &str) -> bool {
        needs(line) == Needs::Shared
    }

    #[test]
    fn arguments_in_the_name_do_not_hide_what_the_command_is() {
        for name in [
            "SUBSCRIBE news",
            "MULTI ",
            " multi",
            "BLPOP q 0",
            "CLIENT REPLY OFF",
            "client  reply\toff",
            "XREAD BLOCK 0 STREAMS s $",
            "XREAD COUNT 1\nBLOCK 0 STREAMS s $",
            "AUTH bob hunter2",
            "SELECT 1",
        ] {
            assert!(!is_shared(name), "{name}");
        }
        for name in ["GET multi", "CLIENT ID x", "CLIENT FOO REPLY", "XREAD STREAMS BLOCK 0", "ECHO SUBSCRIBE"] {
            assert!(is_shared(name), "{name}");
        }
    }

    #[test]
    fn what_would_disturb_others_is_known_by_its_name_and_its_options() {
        let disturbs = |command: Command| command.needs() != Needs::Shared;
        assert!(disturbs(Command::new("subscribe").arg("x")) && disturbs(Command::new("MULTI")));
        assert!(disturbs(Command::new("CLIENT").arg(("reply", "OFF"))));
        assert!(disturbs(Command::new("client reply").arg("OFF")));
        assert!(disturbs(Command::new("CLIENT TRACKING").arg("ON")) && disturbs(Command::new("client caching")));
        assert!(!disturbs(Command::new("CLIENT").arg("ID")) && !disturbs(Command::new("GET").key("reply")));
        assert!(disturbs(Command::new("XREAD").arg(("COUNT", 1, "block", 0, "STREAMS", "k"))));
        assert!(disturbs(Command::new("XREADGROUP").arg(("GROUP", "", "c", "BLOCK", 0))));
        assert!(!disturbs(Command::new("XREAD").arg(("COUNT", 1, "STREAMS")).key("BLOCK").arg("0")));
    }

    #[test]
    fn a_group_of_any_name_hides_no_option_and_is_none() {
        let disturbs = |name| !is_shared(name);
        assert!(disturbs("XREADGROUP GROUP streams c BLOCK 0 STREAMS s >"));
        assert!(disturbs("XREADGROUP group g STREAMS block 0 STREAMS s >"));
        assert!(!disturbs("XREADGROUP GROUP block block STREAMS s >"));
        assert!(!disturbs("XREADGROUP GROUP"));
    }

    #[test]
    fn a_nul_ends_a_word_as_it_does_for_servers() {
        for name in ["MULTI\0x", "\0MULTI", "CLIENT REPLY\0x OFF", "CLIENT\0REPLY", "XREAD BLOCK\x000 0 STREAMS s $"] {
            assert!(!is_shared(name), "{name:?}");
        }
        assert_ne!(Command::new("CLIENT").arg("REPLY\0x").needs(), Needs::Shared);
        assert_ne!(Command::new("XREAD").arg(("BLOCK\0", 0)).needs(), Needs::Shared);
        assert_ne!(Command::new("XREAD").arg(("GROUP\0", "STREAMS", "c", "BLOCK", 0)).needs(), Needs::Shared);
    }

    #[test]
    fn each_kind_of_command_needs_another_connection() {
        assert_eq!(needs("GET k"), Needs::Shared);
        assert_eq!(needs("NOSUCH"), Needs::Shared);
        assert_eq!(needs("BLPOP q 0"), Needs::Blocking(Block::Forever));
        assert_eq!(needs("WATCH k"), Needs::Dedicated);
        assert_eq!(needs("WAIT 1 0"), Needs::Dedicated);
        assert_eq!(needs("PUNSUBSCRIBE"), Needs::Subscription);
    }

    #[test]
    fn the_time_stands_where_each_command_has_it() {
        let block = |line: &str| Command::new(line).block();
        let after = |milliseconds| Some(Block::For(Duration::from_millis(milliseconds)));
        for line in [
            "BLPOP 7 8 2.5",
            "BRPOP 7 2.5",
            "BLMOVE 7 8 LEFT RIGHT 2.5",
            "BRPOPLPUSH 7 8 2.5",
            "BZPOPMIN 7 2.5",
            "BZPOPMAX 7 8 2.5",
            "BLMPOP 2.5 1 7 LEFT COUNT 9",
            "BZMPOP 2.5 1 7 MIN COUNT 9",
            "XREAD COUNT 1 BLOCK 2500 STREAMS 7 0",
            "XREADGROUP GROUP 7 8 block 2500 STREAMS 9 >",
            // The last one counts.
            "XREAD BLOCK 0 BLOCK 2500 STREAMS 7 0",
            "WAIT 1 2500",
            "WAITAOF 1 0 2500",
        ] {
            assert_eq!(block(line), after(2500), "{line}");
        }
        for line in
            ["BLPOP 7 0", "BLPOP 7 -0.0", "BLMPOP 0 1 7 LEFT", "XREAD BLOCK 0 STREAMS 7 0", "WAIT 1 0", "WAITAOF 1 0 0"]
        {
            assert_eq!(block(line), Some(Block::Forever), "{line}");
        }
        for line in ["GET 7", "XREAD STREAMS BLOCK 7", "XREADGROUP GROUP BLOCK 7 STREAMS 8 >"] {
            assert_eq!(block(line), None, "{line}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_read_is_none() {
        for line in [
            "BLPOP",
            "BLPOP 7 x",
            "BLPOP 7 -1",
            "BLPOP 7 inf",
            "BLPOP 7 nan",
            "BLPOP 7 1e300",
            "BLMPOP",
            "XREAD BLOCK",
            "XREAD BLOCK x STREAMS 7 0",
            "XREAD BLOCK -1 STREAMS 7 0",
            "XREAD BLOCK 1.5 STREAMS 7 0",
            "XREAD BLOCK 99999999999999999999 STREAMS 7 0",
            "WAIT 1 x",
        ] {
            assert_eq!(Command::new(line).block(), Some(Block::For(Duration::ZERO)), "{line}");
        }
        let large = Command::new("BLPOP").key(vec![b'k'; 20_000]).arg(bytes::Bytes::from(vec![0xff; 20_000]));
        assert_eq!(large.block(), Some(Block::For(Duration::ZERO)));
    }

    #[test]
    fn what_a_command_makes_of_its_connection_is_known() {
        let mark = |line: &str| Command::new(line).mark();
        for line in [
            "GET k",
            "EVAL x 0",
            "WAIT 1 0",
            "WAITAOF 1 0 0",
            "BLPOP q 0",
            "CLIENT ID",
            "CONFIG SET a b",
            "CLIENT KILL",
        ] {
            assert_eq!(mark(line), Mark::Nothing, "{line}");
        }
        assert_eq!(mark("WATCH k"), Mark::Watches);
        assert_eq!(mark("UNWATCH"), Mark::Unwatches);
        assert_eq!(mark("MULTI"), Mark::Queues);
        assert_eq!((mark("EXEC"), mark("DISCARD")), (Mark::Closes, Mark::Closes));
        for line in [
            "SELECT 1",
            "AUTH x",
            "HELLO 3",
            "RESET",
            "READONLY",
            "READWRITE",
            "ASKING",
            "QUIT",
            "CLIENT SETNAME x",
            "CLIENT SETINFO LIB-NAME x",
            "CLIENT NO-EVICT ON",
            "CLIENT NO-TOUCH ON",
            "CLIENT TRACKING ON",
            "CLIENT CACHING YES",
            "CLIENT CAPA redirect",
            "CLIENT IMPORT-SOURCE ON",
            // What is not known may do anything.
            "CLIENT LATER",
            "NOSUCH",
        ] {
            assert_eq!(mark(line), Mark::Spoils, "{line}");
        }
        let seizes = [
            "CLIENT REPLY OFF",
            "MONITOR",
            "SUBSCRIBE x",
            "UNSUBSCRIBE",
            "SYNC",
            "PSYNC ? -1",
            "REPLCONF ACK 0",
            "SCRIPT DEBUG YES",
        ];
        for line in seizes {
            assert_eq!(mark(line), Mark::Seizes, "{line}");
        }
    }

    #[test]
    fn a_subcommand_is_found_among_the_arguments() {
        let mark = |word: &str| Command::new("CLIENT").arg(word).mark();
        assert_eq!((mark("id"), mark("setname"), mark("Reply\0x")), (Mark::Nothing, Mark::Spoils, Mark::Seizes));
        assert_eq!(Command::new("CLIENT").mark(), Mark::Spoils);
        assert_eq!(Command::new("CLUSTER").arg("SYNCSLOTS").needs(), Needs::Dedicated);
    }
}
