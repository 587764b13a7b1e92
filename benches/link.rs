//! What a call costs from end to end over an in-memory pipe, and how many heap allocations a GET takes.
//!
//! `cargo bench --bench link` prints both. The peer at the other end of the pipe answers every command with the same
//! bytes, so that nearly all of the time is the client's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use steadfast::api::Strings;
use steadfast::outcome::Address;
use steadfast::{BoxFuture, Client, Config, Connector, Io};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Counts allocations, those of the threads that say so.
struct Counting;

static COUNTED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[allow(unsafe_code, reason = "an allocator that counts must be one; the library itself has no unsafe code")]
// SAFETY: everything is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.try_with(std::cell::Cell::get).unwrap_or(false) {
            COUNTED.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Connects to a peer in this process that answers each command with 64 bytes.
struct Pipe;

impl Connector for Pipe {
    fn connect<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let (ours, theirs) = tokio::io::duplex(256 * 1024);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(answer(theirs));
            });
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    }
}

/// Answers as many commands as have begun: each begins with the one `*` in its bytes.
async fn answer(mut pipe: DuplexStream) {
    let mut buffer = vec![0; 64 * 1024];
    let mut greeted = false;
    let mut answers = Vec::new();
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        answers.clear();
        for _ in buffer[..count].iter().filter(|byte| **byte == b'*') {
            if greeted {
                answers
                    .extend_from_slice(b"$64\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
            } else {
                answers.extend_from_slice(b"%1\r\n+proto\r\n:3\r\n");
                greeted = true;
            }
        }
        if pipe.write_all(&answers).await.is_err() {
            return;
        }
    }
}

fn main() {
    // Under `cargo test` a bench only has to show that it runs.
    let smoke = !std::env::args().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let config = Config::tcp("in-memory", 1).with_connector(Arc::new(Pipe)).without_library_info();
        let client = Client::connect(config).await.expect("the pipe connects");
        println!("{:>6} {:>14} {:>18}", "tasks", "ns per GET", "allocations per GET");
        for tasks in [1, 64, 1000] {
            let calls = if smoke { 10 } else { 1_000_000 / tasks };
            run(&client, tasks, calls / 10 + 1).await;
            let mut rounds: Vec<_> = Vec::new();
            for _ in 0..if smoke { 1 } else { 5 } {
                rounds.push(run(&client, tasks, calls).await);
            }
            rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (time, allocations) = rounds[rounds.len() / 2];
            println!("{tasks:>6} {time:>14.0} {allocations:>18.2}");
        }
        client.close(Duration::from_secs(1)).await;
    });
}

/// `calls` GETs by each of `tasks` tasks; nanoseconds and allocations per GET.
async fn run(client: &Client, tasks: usize, calls: usize) -> (f64, f64) {
    COUNTED.store(0, Ordering::Relaxed);
    let begin = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..calls {
                    let value: Option<Bytes> = client.get("user:1000:name").await.expect("an answer");
                    std::hint::black_box(value);
                }
            })
        })
        .collect();
    // Not what it costs to make the tasks.
    COUNTS.with(|counts| counts.set(true));
    let total = (tasks.len() * calls) as f64;
    for task in tasks {
        task.await.expect("no panic");
    }
    COUNTS.with(|counts| counts.set(false));
    (begin.elapsed().as_nanos() as f64 / total, COUNTED.load(Ordering::Relaxed) as f64 / total)
}
