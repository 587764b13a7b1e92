//! Servers that are away for a while.

use std::{io, time::Duration};

use tokio::time::sleep;

use super::{
    Stage,
    load::{Load, until_answered},
    network::Network,
    report::{Cell, time},
};
use crate::{
    clients::fault_client::{FaultClient, Site},
    server::Server,
};

/// Straight to the server, so that connects are refused while it is away.
pub(super) async fn restart<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let mut server = stage.server()?;
    let port = server.port;
    let client = C::connect(Site::local(port)).await?;
    let load = Load::of_get(&client, TASKS);
    sleep(BEFORE).await;
    server.kill();
    let _server = Server::start_on(port, stage.server_core).map_err(|error| error.to_string())?;
    let again = until_answered(&client, stage.pace.recovery()).await;
    sleep(AFTER).await;
    let (report, _) = load.stop().await;
    let words = format!("{}, {}{}", report.errors_in_words(), report.slowest_in_words(), unless_back(again));
    Ok(report.into_cell(words))
}

/// The server's machine goes on to take connections and bytes; nobody answers.
pub(super) async fn stopped<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let client = C::connect(Site::local(server.port)).await?;
    let away = Away { time: stage.pace.stopped(), leave: || server.stop(), come_back: || server.go_on() };
    outage(stage, &client, away).await
}

/// Nothing gets through, connects neither, and nobody says so.
pub(super) async fn hole<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let network = Network::new();
    let server = Server::start_apart(stage.server_core, &network).map_err(|error| error.to_string())?;
    server.seed().map_err(|error| error.to_string())?;
    let client = C::connect(Site { host: server.host, ..Site::local(server.port) }).await?;
    let away = Away { time: stage.pace.hole(), leave: || network.swallow(), come_back: || network.heal() };
    outage(stage, &client, away).await
}

struct Away<L, B> {
    time: Duration,
    leave: L,
    come_back: B,
}

async fn outage<C: FaultClient>(
    stage: &Stage,
    client: &C,
    away: Away<impl Fn() -> io::Result<()>, impl Fn() -> io::Result<()>>,
) -> Result<Cell, String> {
    let load = Load::of_get(client, TASKS);
    sleep(BEFORE).await;
    (away.leave)().map_err(|error| error.to_string())?;
    sleep(away.time).await;
    (away.come_back)().map_err(|error| error.to_string())?;
    let again = until_answered(client, stage.pace.recovery()).await;
    let (report, _) = load.stop().await;
    let load = Load::of_get(client, TASKS);
    sleep(AFTER).await;
    let (afterwards, _) = load.stop().await;
    let then = match again {
        Some(again) => format!("answers again after {}, then {}", time(again), afterwards.errors_in_words()),
        None => unless_back(again),
    };
    let words = format!("{}, {}; {then}", report.slowest_in_words(), report.errors_in_words());
    Ok(report.into_cell(words))
}

fn unless_back(again: Option<Duration>) -> String {
    if again.is_some() { String::new() } else { ", **never answers again**".to_owned() }
}

const TASKS: usize = 16;
const BEFORE: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_secs(1);
