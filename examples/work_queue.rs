//! A queue that loses no job: `BLMOVE` takes one and keeps it in a list of the worker's until it is done (`LREM`). Workers are
//! cancelled at any moment; what a call takes for a worker who is gone is put back by the orphan hook. A job may be done
//! twice, so that doing it twice must do no harm.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::time::Duration;

use steadfast::api::{End, Keys, Lists, Sets};
use steadfast::client::Orphan;
use steadfast::testing::FakeServer;
use steadfast::{Client, Config};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

const QUEUE: &str = "example:work:queue";
const DONE: &str = "example:work:done";
const WORKERS: usize = 3;
const JOBS: usize = 60;

/// The list of jobs that a worker has taken and not done.
fn list_of(worker: usize) -> String {
    format!("example:work:taken:{worker}")
}

/// Does jobs until it is cancelled.
async fn work(client: Client, worker: usize) -> Result<(), steadfast::Error> {
    let mine = list_of(worker);
    // What this worker had taken when it was cancelled the last time.
    for job in client.lrange::<String>(&mine, 0, -1).await? {
        finish(&client, &mine, &job).await?;
    }
    loop {
        // On a connection of its own: the other calls of the program don't wait behind it.
        let job = client.blmove::<String>(QUEUE, &mine, End::Left, End::Right, Duration::from_secs(1)).await?;
        if let Some(job) = job {
            finish(&client, &mine, &job).await?;
        }
    }
}

async fn finish(client: &Client, mine: &str, job: &str) -> Result<(), steadfast::Error> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.sadd(DONE, job).await?;
    client.lrem(mine, 1, job).await?;
    Ok(())
}

/// Puts back what was taken for workers who were gone.
async fn put_back(client: Client, mut orphans: UnboundedReceiver<Orphan>) -> Result<(), steadfast::Error> {
    while let Some(orphan) = orphans.recv().await {
        let job = match &orphan.reply {
            Ok(job) => job.as_str().unwrap_or_default(),
            // It is in the list of a worker, who looks there when it starts again.
            Err(cause) => {
                println!("perhaps a job was taken for nobody: {cause}");
                continue;
            }
        };
        println!("{job} came too late for its worker and goes back");
        // At once: a worker that took it in between would have it removed from its list, and could lose it.
        let mut transaction = client.transaction();
        for worker in 0..WORKERS {
            let _ = transaction.lrem(list_of(worker), 1, job).queue();
        }
        let _ = transaction.rpush(QUEUE, job).queue();
        transaction.execute().await?.check()?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let server = FakeServer::start().await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    let (found, orphans) = unbounded_channel();
    let config = Config::from_url(&url)?.with_orphan_hook(move |orphan| drop(found.send(orphan)));
    let client = Client::connect(config).await?;
    client.del([QUEUE, DONE]).await?;
    for worker in 0..WORKERS {
        client.del(list_of(worker)).await?;
    }
    let putting_back = tokio::spawn(put_back(client.clone(), orphans));

    let start = |worker| -> JoinHandle<_> { tokio::spawn(work(client.clone(), worker)) };
    let mut workers: Vec<_> = (0..WORKERS).map(start).collect();
    for number in 0..JOBS {
        client.rpush(QUEUE, format!("job {number}")).await?;
        tokio::time::sleep(Duration::from_millis(2)).await;
        // A worker is cancelled, wherever it is, and starts again.
        let worker = number % WORKERS;
        workers[worker].abort();
        workers[worker] = start(worker);
    }
    while client.scard(DONE).await? < JOBS as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        // One that ended with an error starts again too.
        for (worker, running) in workers.iter_mut().enumerate().filter(|(_, running)| running.is_finished()) {
            *running = start(worker);
        }
    }
    workers.iter().for_each(JoinHandle::abort);
    putting_back.abort();
    let stats = client.stats();
    println!(
        "{JOBS} jobs are done; {} calls were cancelled, {} took a job all the same",
        stats.cancelled, stats.orphaned
    );
    Ok(())
}
