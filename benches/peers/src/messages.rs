//! `peers messages`: what it costs to receive what others publish.
//!
//! The server publishes to itself, a thousand messages per script, and is asked for the next thousand when half of what is
//! out has been received: nobody is overrun, and nothing but receiving takes time in the process that is measured.

use std::{
    fmt::Write as _,
    future::Future,
    io::{self, Read, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use futures::StreamExt;

use crate::{
    Options, child,
    clients::Peer,
    measure::{cpu_time, runtime},
    server::{self, Server},
};

/// How the messages come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    OneChannel,
    ManyChannels,
}

impl Shape {
    const ALL: [Self; 2] = [Self::OneChannel, Self::ManyChannels];

    fn name(self) -> &'static str {
        match self {
            Self::OneChannel => "one",
            Self::ManyChannels => "many",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::OneChannel => "1 channel",
            Self::ManyChannels => "1,000 channels",
        }
    }

    fn channels(self) -> Vec<String> {
        let count = if self == Self::OneChannel { 1 } else { 1000 };
        (0..count).map(|number| format!("channel:{number}")).collect()
    }
}

/// One subscriber, to all channels of a shape.
trait Subscriber: Sized {
    fn subscribe(port: u16, channels: &[String]) -> impl Future<Output = Self>;

    /// The length of the next message.
    fn next(&mut self) -> impl Future<Output = usize>;
}

/// What one run has found.
#[derive(Clone, Copy)]
struct Cost {
    per_second: f64,
    user_ns: f64,
    system_ns: f64,
}

/// `messages`: every client at every shape, medians as Markdown.
pub(crate) fn all(options: &Options) -> Result<(), String> {
    let server = crate::start_server(options)?;
    let mut text =
        String::from("| messages of 64 bytes | client | per second | user CPU | system CPU |\n|---|---|---|---|---|\n");
    for shape in Shape::ALL {
        let peers: Vec<_> = options.clients.iter().copied().filter(|peer| *peer != Peer::Floor).collect();
        let mut costs: Vec<(Peer, Vec<Cost>)> = peers.into_iter().map(|peer| (peer, Vec::new())).collect();
        for round in 1..=options.rounds {
            for (peer, costs) in &mut costs {
                match run_child(options, &server, *peer, shape) {
                    Ok(cost) => {
                        eprintln!("round {round}: {} {}: {:.0} ns", peer.name(), shape.name(), cost.user_ns);
                        costs.push(cost);
                    }
                    Err(message) => eprintln!("round {round}: {} {} FAILED: {message}", peer.name(), shape.name()),
                }
            }
        }
        for (peer, costs) in &costs {
            let median = |field: fn(&Cost) -> f64| {
                let mut values: Vec<f64> = costs.iter().map(field).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
            };
            let (rate, user, system) =
                (median(|cost| cost.per_second), median(|cost| cost.user_ns), median(|cost| cost.system_ns));
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} k | {:.2} us | {:.2} us |",
                shape.title(),
                peer.title(),
                rate / 1e3,
                user / 1e3,
                system / 1e3
            );
        }
    }
    println!("{text}");
    Ok(())
}

fn run_child(options: &Options, server: &Server, peer: Peer, shape: Shape) -> Result<Cost, String> {
    let mut arguments = vec!["message".to_owned(), peer.name().to_owned(), shape.name().to_owned()];
    arguments.extend(options.for_child(server.port));
    let limit = Duration::from_secs(30) + 3 * options.plan().throughput;
    let output = child::run(&arguments, limit).map_err(|trouble| trouble.to_string())?;
    let line = output.lines().find_map(|line| line.strip_prefix(MARK)).ok_or("no figures")?;
    let fields: Vec<f64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let &[per_second, user_ns, system_ns] = &fields[..] else { return Err(format!("no figures: {line}")) };
    Ok(Cost { per_second, user_ns, system_ns })
}

/// `message <client> <shape>`: in this process.
pub(crate) fn run_one(options: &Options) -> Result<(), String> {
    let [_, client, shape] = &options.words[..] else { return Err("message <client> <shape>".to_owned()) };
    let peer = Peer::from_name(client).ok_or_else(|| format!("no client called {client}"))?;
    let shape = Shape::ALL.into_iter().find(|known| known.name() == shape).ok_or("no such shape: one, many")?;
    let own = match options.port {
        Some(_) => None,
        None => Some(crate::start_server(options)?),
    };
    let port = options.port.or(own.as_ref().map(|server| server.port)).expect("one of the two is there");
    server::pin_to(options.client_core).map_err(|error| error.to_string())?;
    let cost = match peer {
        Peer::Floor => return Err("the floor knows no messages".to_owned()),
        Peer::Redis1 => run::<Redis1>(options, port, shape),
        Peer::Redis2 => run::<Redis2>(options, port, shape),
        Peer::Fred => run::<Fred>(options, port, shape),
        Peer::Rustis => run::<Rustis>(options, port, shape),
        Peer::Steadfast => run::<Steadfast>(options, port, shape),
    };
    println!("{MARK} {} {} {}", cost.per_second, cost.user_ns, cost.system_ns);
    Ok(())
}

fn run<S: Subscriber>(options: &Options, port: u16, shape: Shape) -> Cost {
    let channels = shape.channels();
    runtime(options.runtime).block_on(async {
        let mut publisher = Publisher::start(port, channels.len()).expect("a connection for publishing");
        let mut subscriber = S::subscribe(port, &channels).await;
        let plan = options.plan();
        receive(&mut subscriber, &mut publisher, plan.warm_up).await;
        let cpu_before = cpu_time();
        let begin = Instant::now();
        let received = receive(&mut subscriber, &mut publisher, plan.throughput).await as f64;
        let (elapsed, cpu) = (begin.elapsed(), cpu_time() - cpu_before);
        Cost {
            per_second: received / elapsed.as_secs_f64(),
            user_ns: cpu.user.as_nanos() as f64 / received,
            system_ns: cpu.system.as_nanos() as f64 / received,
        }
    })
}

/// Receives for that long, and everything that was asked for.
async fn receive<S: Subscriber>(subscriber: &mut S, publisher: &mut Publisher, length: Duration) -> u64 {
    let end = Instant::now() + length;
    let (mut received, mut asked) = (0, 0);
    loop {
        let more = Instant::now() < end;
        while more && asked < received + 2 * BATCH {
            publisher.ask().expect("the server takes scripts");
            asked += BATCH;
        }
        if received == asked {
            return received;
        }
        for _ in 0..BATCH {
            assert_eq!(subscriber.next().await, SIZE, "a message is not the one that was published");
        }
        received += BATCH;
    }
}

/// Has the server publish.
struct Publisher {
    socket: TcpStream,
    script: Vec<u8>,
}

impl Publisher {
    fn start(port: u16, channels: usize) -> io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        let body = format!(
            "local text = string.rep('m', {SIZE}) for i = 1, {BATCH} do redis.call('PUBLISH', 'channel:' .. (i % {channels}), text) end"
        );
        let script = format!("*3\r\n$4\r\nEVAL\r\n${}\r\n{body}\r\n$1\r\n0\r\n", body.len()).into_bytes();
        socket.set_nonblocking(true)?;
        Ok(Self { socket, script })
    }

    /// The answers are read away, as far as they are there.
    fn ask(&mut self) -> io::Result<()> {
        let mut answers = [0; 512];
        while self.socket.read(&mut answers).is_ok_and(|count| count > 0) {}
        self.socket.write_all(&self.script)
    }
}

macro_rules! redis_rs {
    ($name:ident, $redis:ident) => {
        struct $name(
            $redis::aio::PubSubStream,
            #[expect(dead_code, reason = "it ends the subscriptions")] $redis::aio::PubSubSink,
        );

        impl Subscriber for $name {
            async fn subscribe(port: u16, channels: &[String]) -> Self {
                let client = $redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a valid URL");
                let (mut sink, stream) = client.get_async_pubsub().await.expect("connect").split();
                sink.subscribe(channels).await.expect("subscribed");
                Self(stream, sink)
            }

            async fn next(&mut self) -> usize {
                self.0.next().await.expect("a message").get_payload_bytes().len()
            }
        }
    };
}

redis_rs!(Redis1, redis1);
redis_rs!(Redis2, redis2);

struct Fred {
    messages: tokio::sync::broadcast::Receiver<fred::types::Message>,
    _client: fred::clients::Client,
}

impl Subscriber for Fred {
    async fn subscribe(port: u16, channels: &[String]) -> Self {
        use fred::prelude::*;
        let config = Config::from_url(&format!("redis://127.0.0.1:{port}")).expect("a valid URL");
        let mut builder = Builder::from_config(config);
        // Its default of 32 would lose most of what is under way here.
        builder.with_performance_config(|config| config.broadcast_channel_capacity = 8 * BATCH as usize);
        let client = builder.build().expect("a valid configuration");
        client.init().await.expect("connect");
        let messages = client.message_rx();
        client.subscribe(channels.to_vec()).await.expect("subscribed");
        Self { messages, _client: client }
    }

    async fn next(&mut self) -> usize {
        let message = self.messages.recv().await.expect("a message");
        message.value.as_bytes().expect("bytes").len()
    }
}

struct Rustis(rustis::client::PubSubStream);

impl Subscriber for Rustis {
    async fn subscribe(port: u16, channels: &[String]) -> Self {
        use rustis::commands::PubSubCommands;
        let client = rustis::client::Client::connect(format!("redis://127.0.0.1:{port}")).await.expect("connect");
        Self(client.subscribe(channels).await.expect("subscribed"))
    }

    async fn next(&mut self) -> usize {
        self.0.next().await.expect("a message").expect("no error").payload().len()
    }
}

struct Steadfast(steadfast::pubsub::Messages);

impl Subscriber for Steadfast {
    async fn subscribe(port: u16, channels: &[String]) -> Self {
        let client = steadfast::Client::connect(&format!("redis://127.0.0.1:{port}")).await.expect("connect");
        Self(client.subscribe(channels).await.expect("subscribed").messages())
    }

    async fn next(&mut self) -> usize {
        self.0.next().await.expect("a message").payload().len()
    }
}

const MARK: &str = "messages";
/// Messages per script.
const BATCH: u64 = 1000;
/// Bytes of a message.
const SIZE: usize = 64;
