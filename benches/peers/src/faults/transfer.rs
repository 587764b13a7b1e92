//! Much in both directions at once.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Stage,
    load::NO_PANIC,
    report::{Cell, Report, time},
};
use crate::{
    clients::fault_client::{Failure, FaultClient, Site},
    proxy::{Duplex, Proxy},
};

/// A client that reads nothing while it writes waits for the peer, which waits for the client.
pub(super) async fn half_duplex<C: FaultClient>(stage: &Stage) -> Result<Cell, String> {
    let server = stage.server()?;
    let proxy = Proxy::start(server.port, Duplex::Half).map_err(|error| error.to_string())?;
    let limit = stage.pace.transfer();
    let client = C::connect(Site { limit, ..Site::local(proxy.port) }).await?;
    let message = Bytes::from(vec![b'e'; LENGTH]);
    let begin = Instant::now();
    let calls: Vec<_> = (0..MESSAGES).map(|_| tokio::spawn(echo(client.clone(), message.clone()))).collect();
    let (mut report, mut unanswered) = (Report::default(), 0);
    for call in calls {
        // The client's own limit is the same.
        let result = tokio::time::timeout_at((begin + limit).into(), call).await;
        match result {
            Ok(result) => report.note(&result.expect(NO_PANIC), begin.elapsed()),
            Err(_) => unanswered += 1,
        }
    }
    let took = begin.elapsed();
    let failed = unanswered + report.errors();
    let words = if failed == 0 {
        format!("ok, {}", time(took))
    } else if took < limit {
        format!("{failed} of {MESSAGES} fail after {}: {}", time(took), report.usual_error())
    } else {
        format!("deadlock: {failed} of {MESSAGES} not answered in {}", time(limit))
    };
    Ok(report.into_cell(words))
}

async fn echo<C: FaultClient>(mut client: C, message: Bytes) -> Result<(), Failure> {
    match client.echo(&message).await? {
        length if length == message.len() => Ok(()),
        length => Err(Failure::new(format!("wrong answer, {length} bytes long"))),
    }
}

const MESSAGES: usize = 16;
/// In bytes. All together they are less than 16 MiB, which is as much as rustis takes by default.
const LENGTH: usize = 1_000_000;
