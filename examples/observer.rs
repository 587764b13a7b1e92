//! Where the time goes: an observer that keeps latencies by command, and the client's counters. Needs no server: it brings
//! one of its own, which is slow at times and loses a connection.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::client::{Config, Observation, Observer};
use steadfast::testing::{Answer, FakeServer};
use steadfast::{Client, Replay};

/// Latencies by command, and how often each ended in which error.
#[derive(Default)]
struct Latencies(Mutex<BTreeMap<String, Summary>>);

#[derive(Default)]
struct Summary {
    durations: Vec<Duration>,
    sent_again: u32,
    errors: BTreeMap<String, u32>,
}

impl Observer for Latencies {
    /// With an OpenTelemetry SDK this would be `histogram.record(duration, attributes)`.
    fn observe(&self, observation: &Observation<'_>) {
        let mut commands = self.0.lock().expect("nothing panics under the lock");
        let summary = commands.entry(observation.name().to_owned()).or_default();
        summary.durations.push(observation.duration());
        summary.sent_again += observation.attempts().saturating_sub(1);
        if let Some((_, error)) = observation.attributes().find(|(name, _)| *name == "error.type") {
            *summary.errors.entry(error.to_string()).or_default() += 1;
        }
    }
}

impl Latencies {
    fn print(&self) {
        println!("{:<6} {:>6} {:>10} {:>10} {:>10}  sent again, errors", "", "calls", "median", "p99", "longest");
        for (name, summary) in &mut *self.0.lock().expect("nothing panics under the lock") {
            summary.durations.sort_unstable();
            let at = |percent: usize| summary.durations[(summary.durations.len() - 1) * percent / 100];
            println!(
                "{name:<6} {:>6} {:>10.1?} {:>10.1?} {:>10.1?}  {}, {:?}",
                summary.durations.len(),
                at(50),
                at(99),
                at(100),
                summary.sent_again,
                summary.errors
            );
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = FakeServer::start().await?;
    let latencies = Arc::new(Latencies::default());
    let config = Config::from_url(&server.url())?.with_observer(latencies.clone());
    let client = Client::connect(config).await?;

    client.set("name", "alice").await?;
    for round in 0..200 {
        match round {
            50 => server.reply_with_delay("GET", Duration::from_millis(30), Answer::built_in()),
            // Reads are sent again; an INCR is not, unless it is said that twice does no harm.
            100 => server.reply_once("GET", Answer::close()),
            150 => server.reply_once("INCR", Answer::close()),
            _ => {}
        }
        let _: Option<String> = client.get("name").await?;
        if let Err(error) = client.incr("visits").replay(Replay::never()).await {
            println!("{error}");
        }
    }
    let _ = client.incr("name").await;
    let mut pipeline = client.pipeline();
    let _ = (pipeline.get::<String>("name").queue(), pipeline.incr("visits").queue());
    pipeline.execute().await.check()?;

    latencies.print();
    println!("{:#?}", client.stats());
    Ok(())
}
