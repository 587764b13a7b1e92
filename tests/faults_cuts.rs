//! Connections that are cut under load, and at every place of a request and of a reply: the fate that a call is told is
//! the right one.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::testing::{Cut, Direction, FaultProxy};
use steadfast::{Client, Config, Error, Fate};

use faults::{DEADLINE, Load, Place, Wire, everywhere, healed, lasting, tell, tireless};
use live::{PATIENCE, connected, within};
use support::{Server, undisturbed};

#[test]
fn a_connection_that_is_cut_every_200_ms_fails_no_read_and_doubles_no_write() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(place.config_at(proxy.port())).await;
        let load = Load::start(&client, DEADLINE);
        let cuts = lasting(Duration::from_secs(2)).as_millis() / 200;
        for number in 0..cuts {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // What is the oldest command on three connections that die in a row is given up: the load gets on.
            load.gets_on_by(10).await;
            proxy.cut(if number % 2 == 0 { Cut::Fin } else { Cut::Rst });
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes().answered_at_least(200);
    });
}

/// What is cut: bytes of requests in one direction, of replies in the other.
const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];
const CUTS: [Cut; 2] = [Cut::Fin, Cut::Rst];

/// A server, a proxy before it that is about to cut, and a client of both.
struct Stage {
    server: Server,
    proxy: FaultProxy,
    client: Client,
}

impl Stage {
    async fn new(place: Place, server: Server, with: impl FnOnce(Config) -> Config) -> Self {
        let proxy = place.proxy(&server).await;
        let client = connected(with(tireless(place.config_at(proxy.port())))).await;
        Self { server, proxy, client }
    }

    fn count(&self) -> i64 {
        self.server.raw(&["GET", "n"]).parse().unwrap_or(0)
    }

    /// What the INCRs whose outcomes these are have done since the count was `before` is what they were told.
    fn agrees(&self, before: i64, outcomes: &[Result<i64, Error>], at: &str) {
        let has_fate =
            |wanted| move |outcome: &&Result<i64, Error>| outcome.as_ref().is_err_and(|e| e.fate() == wanted);
        let answered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let unknown = outcomes.iter().filter(has_fate(Fate::Unknown)).count();
        let others = outcomes.len() - answered - unknown - outcomes.iter().filter(has_fate(Fate::NotSent)).count();
        assert_eq!(others, 0, "{at}: {outcomes:?}");
        let ran = self.count() - before;
        assert!(answered as i64 <= ran && ran <= (answered + unknown) as i64, "{at}: {ran} ran of {outcomes:?}");
    }

    async fn end(self) {
        self.proxy.heal().unwrap();
        healed(&self.client, &self.server).await;
    }
}

/// Numbers of bytes behind which to cut: each one of the first few and of a small command, then fewer. TLS adds some 22
/// to each.
fn samples(place: Place, length: u64) -> impl Iterator<Item = u64> {
    let (length, step) = match place.wire {
        Wire::Plain => (length, 1),
        Wire::Tls => (length + 30, 3),
    };
    (0..=length).filter(move |bytes| *bytes < 4 || bytes % step == 0)
}

#[test]
fn an_incr_that_is_cut_anywhere_ran_as_its_fate_says() {
    everywhere(async |place| {
        let stage = Stage::new(place, place.start(), |config| config).await;
        let mut unknown = 0;
        for (direction, length) in DIRECTIONS.into_iter().zip([b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".len() as u64, 5]) {
            for (bytes, cut) in samples(place, length).flat_map(|bytes| CUTS.map(|cut| (bytes, cut))) {
                let before = stage.count();
                stage.proxy.current().cut_after(direction, bytes, cut);
                let outcome = stage.client.incr("n").await;
                unknown += usize::from(outcome.is_err());
                stage.agrees(before, &[outcome], &format!("{cut:?} after {bytes} bytes {direction:?}"));
                // A cut that waits for more bytes than one call has does not touch the next sample.
                stage.proxy.current().heal();
            }
        }
        tell(&format!("{unknown} of unknown fate"));
        assert!(unknown > 0, "nothing was cut");
        stage.end().await;
    });
}

#[test]
fn a_get_that_is_cut_anywhere_is_answered() {
    everywhere(async |place| {
        let stage = Stage::new(place, place.start(), |config| config).await;
        stage.client.set("key", "value").await.unwrap();
        for (direction, length) in DIRECTIONS.into_iter().zip([b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".len() as u64, 11]) {
            for (bytes, cut) in samples(place, length).flat_map(|bytes| CUTS.map(|cut| (bytes, cut))) {
                stage.proxy.current().cut_after(direction, bytes, cut);
                let value = stage.client.get::<String>("key").await;
                let at = || format!("{cut:?} after {bytes} bytes {direction:?}");
                assert_eq!(value.unwrap_or_else(|e| panic!("{}: {e}", at())).as_deref(), Some("value"), "{}", at());
                stage.proxy.current().heal();
            }
        }
        stage.end().await;
    });
}

#[test]
fn a_transaction_that_is_cut_anywhere_ran_as_a_whole_or_not_at_all_as_its_fate_says() {
    everywhere(async |place| {
        let stage = Stage::new(place, place.start(), |config| config).await;
        let mut unknown = 0;
        for (direction, length) in DIRECTIONS.into_iter().zip([90u64, 40]) {
            let samples = samples(place, length).filter(|bytes| bytes % 3 == 0);
            for (bytes, cut) in samples.flat_map(|bytes| CUTS.map(|cut| (bytes, cut))) {
                let at = format!("{cut:?} after {bytes} bytes {direction:?}");
                let before = stage.count();
                stage.proxy.current().cut_after(direction, bytes, cut);
                let mut transaction = stage.client.transaction();
                let increments = ["n", "twin"].map(|key| transaction.incr(key).queue());
                let outcome = match within(PATIENCE, transaction.execute()).await {
                    Ok(results) => {
                        increments.map(|increment| results.get(increment)).into_iter().min_by_key(Result::is_ok)
                    }
                    Err(error) => Some(Err(error)),
                };
                unknown += usize::from(outcome.as_ref().is_some_and(Result::is_err));
                stage.agrees(before, &Vec::from_iter(outcome), &at);
                assert_eq!(
                    stage.server.raw(&["GET", "twin"]).parse().unwrap_or(0),
                    stage.count(),
                    "{at}: one ran alone"
                );
                stage.proxy.current().heal();
            }
        }
        assert!(unknown > 0, "nothing was cut");
        stage.end().await;
    });
}

#[test]
fn a_pipeline_that_is_cut_anywhere_has_a_right_fate_for_each_of_its_commands() {
    everywhere(async |place| {
        let stage = Stage::new(place, place.start(), |config| config).await;
        let mut partly = 0;
        for (direction, length) in DIRECTIONS.into_iter().zip([170u64, 60]) {
            let samples = samples(place, length).filter(|bytes| bytes % 3 == 0);
            for (bytes, cut) in samples.flat_map(|bytes| CUTS.map(|cut| (bytes, cut))) {
                let at = format!("{cut:?} after {bytes} bytes {direction:?}");
                let before = stage.count();
                stage.proxy.current().cut_after(direction, bytes, cut);
                let mut pipeline = stage.client.pipeline();
                let first = pipeline.echo::<String>(format!("first {at}")).queue();
                let increments = [(); 3].map(|()| pipeline.incr("n").queue());
                let last = pipeline.echo::<String>(format!("last {at}")).queue();
                let results = within(PATIENCE, pipeline.execute()).await;
                for (echo, word) in [(first, "first"), (last, "last")] {
                    assert_eq!(results.get(echo).unwrap_or_else(|e| panic!("{at}: {e}")), format!("{word} {at}"));
                }
                let outcomes = increments.map(|increment| results.get(increment));
                let answered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
                partly += usize::from((1..3).contains(&answered));
                stage.agrees(before, &outcomes, &at);
                stage.proxy.current().heal();
            }
        }
        // TLS keeps what it has not got to the end of a record.
        assert!(partly > 0 || place.wire == Wire::Tls, "no cut fell between two replies");
        stage.end().await;
    });
}

#[test]
fn a_command_whose_end_was_never_handed_over_is_sent_again_whatever_it_does() {
    everywhere(async |place| {
        let stage = Stage::new(place, place.start(), Config::without_silence_limit).await;
        // More than all the buffers on the way can hold. It takes its time, in which the server has nothing to say.
        let large = vec![b'x'; 48 << 20];
        for (round, bytes) in [1u64, 1000, 100_000, 1_000_000].into_iter().enumerate() {
            let cut = CUTS[round % 2];
            stage.proxy.current().cut_after(Direction::ToServer, bytes, cut);
            let (set, incr) =
                tokio::join!(stage.client.set("large", &large).into_future(), stage.client.incr("n").into_future());
            set.unwrap_or_else(|error| panic!("{cut:?} after {bytes} bytes: {error}"));
            assert_eq!(incr.unwrap(), round as i64 + 1, "{cut:?} after {bytes} bytes");
            assert_eq!(stage.server.raw(&["STRLEN", "large"]), large.len().to_string());
        }
        stage.end().await;
    });
}

#[test]
fn a_handshake_that_is_cut_anywhere_costs_no_command_its_chance() {
    everywhere(async |place| {
        let server = place.build().password("sesame").start();
        let stage =
            Stage::new(place, server, |config| config.with_password("sesame").with_name("named").with_database(0))
                .await;
        for direction in DIRECTIONS {
            // The connection so far has done its handshake and nothing else. With TLS the next one, which resumes the
            // session, may need fewer bytes.
            let whole = stage.proxy.received(direction) / (stage.proxy.accepted());
            let certain = if place.wire == Wire::Plain { whole.saturating_sub(30) } else { whole / 8 };
            for (number, bytes) in (0..whole + 40).step_by(if place.wire == Wire::Plain { 9 } else { 61 }).enumerate() {
                let cut = CUTS[number % 2];
                let before = stage.count();
                stage.proxy.next().cut_after(direction, bytes, cut);
                // A connection that is busy is not looked at before it is written to.
                tokio::time::sleep(Duration::from_millis(10)).await;
                undisturbed(|| stage.proxy.cut(Cut::Rst));
                let outcome = stage.client.incr("n").await;
                let at = format!("{cut:?} after {bytes} of {whole} bytes {direction:?}");
                assert!(outcome.is_ok() || bytes >= certain, "{at}: {outcome:?}");
                stage.agrees(before, &[outcome], &at);
                stage.proxy.heal().unwrap();
            }
        }
        stage.end().await;
    });
}
