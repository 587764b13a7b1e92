//! Commands that wait on the server: what is sent, and that nothing is sent that could not wait.

use std::time::Duration;

use steadfast::api::*;
use steadfast::{Effect, Facts};

use super::{NOTHING, not_sent, on_each, words};

/// Sent as 3.
const WHOLE: Duration = Duration::from_secs(3);

/// Sent as 0.002 seconds.
const PART: Duration = Duration::from_micros(1_001);

#[tokio::test]
async fn the_time_stands_where_servers_want_it() {
    on_each(async |client| {
        let keys = ["a", "b"];
        let (left, right) = (End::Left, End::Right);
        let pop = client.blpop::<(), ()>(keys, PART);
        assert_eq!(words(pop.command()), "BLPOP a b 0.002");
        assert_eq!(pop.command().keys(), [b"a", b"b"]);
        assert_eq!(pop.command().effect(), Effect::Never);
        assert_eq!(words(client.brpop::<(), ()>("a", WHOLE).command()), "BRPOP a 3");
        let moved = client.blmove::<()>("a", "b", left, right, PART);
        assert_eq!(words(moved.command()), "BLMOVE a b LEFT RIGHT 0.002");
        assert_eq!(moved.command().keys(), [b"a", b"b"]);
        assert_eq!(words(client.brpoplpush::<()>("a", "b", WHOLE).command()), "BRPOPLPUSH a b 3");
        let many = client.blmpop::<(), ()>(keys, right, PART).count(7);
        assert_eq!(words(many.command()), "BLMPOP 0.002 2 a b RIGHT COUNT 7");
        assert_eq!(many.command().keys(), [b"a", b"b"]);
        assert_eq!(words(client.bzpopmin::<(), ()>(keys, PART).command()), "BZPOPMIN a b 0.002");
        assert_eq!(words(client.bzpopmax::<(), ()>("a", WHOLE).command()), "BZPOPMAX a 3");
        let many = client.bzmpop::<(), ()>(keys, Extreme::Max, WHOLE).count(7);
        assert_eq!(words(many.command()), "BZMPOP 3 2 a b MAX COUNT 7");
        assert_eq!(many.command().keys(), [b"a", b"b"]);

        let read = client.xread::<()>(keys, [1, 2]).count(9).block(PART);
        assert_eq!(words(read.command()), "XREAD BLOCK 2 COUNT 9 STREAMS a b 1 2");
        assert_eq!(read.command().keys(), [b"a", b"b"]);
        let read = client.xreadgroup::<()>("g", "c", "a", ">").block(PART).noack();
        assert_eq!(words(read.command()), "XREADGROUP GROUP g c NOACK BLOCK 2 STREAMS a >");
    })
    .await;
}

#[tokio::test]
async fn only_no_time_at_all_is_without_end() {
    on_each(async |client| {
        let sent = async |timeout| {
            let (pop, read) = (client.blpop::<(), ()>("k", timeout), client.xread::<()>("k", "$").block(timeout));
            (words(pop.command()), words(read.command()))
        };
        let seconds = ["0", "0.001", "0.999", "1", "1.001", "4611686018427387.903"];
        let milliseconds = ["0", "1", "999", "1000", "1001", "4611686018427387903"];
        let durations = [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(999),
            Duration::from_nanos(999_000_001),
            Duration::from_nanos(1_000_000_001),
            Duration::MAX,
        ];
        for ((duration, seconds), milliseconds) in durations.into_iter().zip(seconds).zip(milliseconds) {
            let wished = (format!("BLPOP k {seconds}"), format!("XREAD BLOCK {milliseconds} STREAMS k $"));
            assert_eq!(sent(duration).await, wished);
        }
    })
    .await;
}

#[tokio::test]
async fn waiting_for_nothing_is_not_sent() {
    on_each(async |client| {
        not_sent(client.blpop::<String, String>(NOTHING, WHOLE)).await;
        not_sent(client.brpop::<String, String>(NOTHING, WHOLE)).await;
        not_sent(client.blmpop::<String, String>(NOTHING, End::Left, WHOLE).count(2)).await;
        not_sent(client.bzpopmin::<String, String>(NOTHING, WHOLE)).await;
        not_sent(client.bzpopmax::<String, String>(NOTHING, WHOLE)).await;
        not_sent(client.bzmpop::<String, String>(NOTHING, Extreme::Min, WHOLE)).await;
        not_sent(client.xread::<()>(NOTHING, NOTHING).block(WHOLE)).await;
        not_sent(client.xread::<()>(["a", "b"], "0").block(WHOLE)).await;
        not_sent(client.xreadgroup::<()>("g", "c", NOTHING, NOTHING).block(WHOLE)).await;
        assert!(Facts::of("BLPOP").unwrap().is_blocking() && Facts::of("XREAD").unwrap().is_blocking());
    })
    .await;
}
