//! Connections that end.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    Stage,
    ledger::{Findings, Ledger},
    load::{Load, get_once, until_answered},
    report::{Cell, Report},
};
use crate::{
    clients::fault_client::{FaultClient, Site},
    proxy::{Duplex, Proxy},
    server::Server,
};

pub(super) async fn idle<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let proxy = Proxy::start(server.port, Duplex::Full).map_err(|error| error.to_string())?;
    let client = C::connect(Site::local(proxy.port)).await?;
    let mut report = Report::default();
    for _ in 0..stage.pace.idle_cuts() {
        // The connection must be there before it can be cut.
        let _ = until_answered(&client, stage.pace.recovery()).await;
        sleep(IDLE).await;
        proxy.cut();
        sleep(IDLE).await;
        get_once(&client, &mut report).await;
    }
    let words = format!("{} of {}, {}", report.errors_in_words(), report.calls, report.slowest_in_words());
    Ok(report.into_cell(words))
}

pub(super) async fn under_get<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let proxy = Proxy::start(server.port, Duplex::Full).map_err(|error| error.to_string())?;
    let client = C::connect(Site::local(proxy.port)).await?;
    let load = Load::of_get(&client, TASKS);
    cut_again_and_again(&proxy, stage.pace.cutting()).await;
    let (report, _) = load.stop().await;
    let words = format!("{}, {}, {} calls", report.errors_in_words(), report.slowest_in_words(), report.calls);
    Ok(report.into_cell(words))
}

pub(super) async fn under_incr<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let proxy = Proxy::start(server.port, Duplex::Full).map_err(|error| error.to_string())?;
    let client = C::connect(Site::local(proxy.port)).await?;
    let load = Load::of_incr(&client, TASKS);
    cut_again_and_again(&proxy, stage.pace.cutting()).await;
    let (report, ledgers) = load.stop().await;
    // What was sent may still run.
    sleep(SETTLE).await;
    let findings = audit(&server, &ledgers).map_err(|error| error.to_string())?;
    let (errors, slowest) = (report.errors_in_words(), report.slowest_in_words());
    let words = format!("{errors}, {}, {slowest}, {} calls", findings.in_words(), report.calls);
    Ok(report.into_cell(words))
}

async fn cut_again_and_again(proxy: &Proxy, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        sleep(BETWEEN_CUTS).await;
        proxy.cut();
    }
    sleep(SETTLE).await;
}

fn audit(server: &Server, ledgers: &[Ledger]) -> std::io::Result<Findings> {
    let mut findings = Findings::default();
    for ledger in ledgers {
        findings.add(ledger.audit(|key| server.counter(key))?);
    }
    Ok(findings)
}

const TASKS: usize = 64;
const BETWEEN_CUTS: Duration = Duration::from_millis(200);
/// Before and after an idle connection is cut.
const IDLE: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_millis(500);
