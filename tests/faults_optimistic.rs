//! Many who watch the same key while their connections are cut: what was told to have run has run, once, and nothing else.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::collections::HashSet;
use std::time::Duration;

use steadfast::api::{Sets, Strings};
use steadfast::testing::Cut;
use steadfast::{Client, Error, Fate};

use faults::{everywhere, lasting, tell};
use live::{PATIENCE, connected, within};

/// So many watch the key at once.
const TASKS: u32 = 64;

/// Counts one up, and writes down whose count it was, in the same transaction.
async fn count_up(client: &Client, token: String) -> Result<i64, Error> {
    let counted = client.optimistic("count").deadline(PATIENCE);
    let (count, results) = counted
        .run(async move |connection, transaction| {
            let count: i64 = connection.get("count").await?.unwrap_or(0);
            let _ = transaction.set("count", count + 1).queue();
            let _ = transaction.sadd("log", token.as_str()).queue();
            Ok(count + 1)
        })
        .await?;
    results.check()?;
    Ok(count)
}

#[test]
fn a_counter_that_64_tasks_watch_under_cuts_counts_what_they_were_told() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(place.config_at(proxy.port())).await;
        let end = std::time::Instant::now() + lasting(Duration::from_secs(3));
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    let mut outcomes = Vec::new();
                    while std::time::Instant::now() < end {
                        let token = format!("{task}:{}", outcomes.len());
                        outcomes.push((token.clone(), count_up(&client, token).await));
                    }
                    outcomes
                })
            })
            .collect();
        let mut number = 0;
        while std::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(300)).await;
            number += 1;
            proxy.cut(if number % 2 == 0 { Cut::Fin } else { Cut::Rst });
        }
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.extend(within(2 * PATIENCE, task).await.unwrap());
        }
        let log: HashSet<String> = client.smembers("log").await.unwrap();
        let count: i64 = client.get("count").await.unwrap().unwrap_or(0);
        assert_eq!(count, log.len() as i64, "a transaction ran in part, or on what it had not seen");
        let (mut ran, mut unknown) = (0, 0);
        for (token, outcome) in &outcomes {
            match outcome {
                Ok(_) => assert!(log.contains(token), "{token} was told that it ran"),
                Err(error) if error.fate() == Fate::Unknown => unknown += 1,
                Err(error) => {
                    assert!(!log.contains(token), "{token} ran, and was told that it did not: {error}");
                    panic!("{token}: nothing but a cut behind the transaction is an error: {error}");
                }
            }
            ran += i64::from(outcome.is_ok());
        }
        let counts: HashSet<i64> = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok().copied()).collect();
        assert_eq!(counts.len() as i64, ran, "no two have counted the same");
        let resolved = outcomes.iter().filter(|(token, outcome)| outcome.is_err() && log.contains(token)).count();
        assert_eq!(count, ran + resolved as i64);
        tell(&format!("{ran} ran, {unknown} unknown of which {resolved} ran, {number} cuts"));
        assert!(ran >= 20, "{ran} ran");
    });
}
