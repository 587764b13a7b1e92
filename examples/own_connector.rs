//! A way of one's own to open connections: here through memory instead of a socket; a SOCKS proxy, an SSH tunnel or a
//! vsock are the same few lines. Needs no server.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::api::Strings;
use steadfast::outcome::Address;
use steadfast::testing::FakeServer;
use steadfast::{BoxFuture, Client, Config, Connector, Event, Io};

struct ThroughMemory {
    server: FakeServer,
    opened: AtomicU32,
}

impl Connector for ThroughMemory {
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
            println!("connection {number}, asked for {address}");
            let pipe = self.server.connector().open()?;
            Ok(Box::new(pipe) as Box<dyn Io>)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let connector = Arc::new(ThroughMemory { server: FakeServer::start().await?, opened: AtomicU32::new(0) });
    let config = Config::tcp("far.away.example", 6379).with_connector(connector.clone());
    let client = Client::connect(config).await?;
    client.set("greeting", "hello").await?;

    // A lost connection is opened anew in the same way.
    let mut events = client.events();
    connector.server.kill_connections();
    while !matches!(events.next().await, Some(Event::Connected(_)) | None) {}
    let greeting: Option<String> = client.get("greeting").await?;
    println!("{greeting:?}, by {} connections", connector.opened.load(Ordering::Relaxed));
    Ok(())
}
