//! Scans of a cluster whose servers keep account of them themselves (`CLUSTERSCAN`), by scripted nodes: no server of that
//! version is at hand.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use steadfast::api::Keys;
use steadfast::{Client, ErrorKind};

use live::{PATIENCE, Peer, Wire, within};
use support::{key_in, slot_of};

/// A cluster of two scripted nodes: the first has the slots up to this one, the second the others.
const LAST_OF_FIRST: u16 = 8191;

/// What the two nodes share.
#[derive(Default)]
struct Script {
    ports: OnceLock<[u16; 2]>,
    version: &'static str,
    /// Whether the nodes know `CLUSTERSCAN`.
    knows_it: bool,
    /// The scans that were asked for: by which node, and how.
    asked: Mutex<Vec<(usize, String)>>,
}

impl Script {
    async fn start(self) -> (Arc<Self>, [Peer; 2]) {
        let script = Arc::new(self);
        let peer = |node| {
            let script = Arc::clone(&script);
            Peer::start(move |_, wire| Arc::clone(&script).serve(node, wire))
        };
        let peers = [peer(0).await, peer(1).await];
        script.ports.set([peers[0].address().port(), peers[1].address().port()]).unwrap();
        (script, peers)
    }

    async fn client(peers: &[Peer; 2]) -> Client {
        let url = format!("valkey+cluster://{},{}", peers[0].address(), peers[1].address());
        within(PATIENCE, Client::connect(url)).await.unwrap()
    }

    async fn serve(self: Arc<Self>, node: usize, mut wire: Wire) {
        while let Some(words) = wire.command().await {
            let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let line = words.join(" ");
            let answer = match line.split(' ').next().unwrap() {
                "HELLO" => self.hello(),
                "CLUSTER" => self.cluster(node, &line),
                "INFO" => bulk(&format!("# Server\r\nrun_id:run-of-{node}\r\n")),
                "CLUSTERSCAN" | "SCAN" => {
                    self.asked.lock().unwrap().push((node, line.clone()));
                    self.scan(node, &words)
                }
                _ => "+OK\r\n".to_owned(),
            };
            wire.say(answer.as_bytes()).await;
        }
    }

    fn hello(&self) -> String {
        let facts = [("server", "valkey"), ("version", self.version), ("mode", "cluster"), ("role", "master")];
        let facts: String = facts.iter().map(|(name, value)| bulk(name) + &bulk(value)).collect();
        format!("%5\r\n{facts}{}:3\r\n", bulk("proto"))
    }

    fn cluster(&self, node: usize, line: &str) -> String {
        let ports = self.ports.get().unwrap();
        match line {
            "CLUSTER INFO" => bulk("cluster_state:ok\r\ncluster_current_epoch:2\r\n"),
            "CLUSTER SLOTS" => {
                let one = |first: u16, last: u16, node: usize| {
                    format!(
                        "*3\r\n:{first}\r\n:{last}\r\n*4\r\n{}:{}\r\n{}*0\r\n",
                        bulk("127.0.0.1"),
                        ports[node],
                        bulk(&format!("id{node}"))
                    )
                };
                format!("*2\r\n{}{}", one(0, LAST_OF_FIRST, 0), one(LAST_OF_FIRST + 1, 16383, 1))
            }
            "CLUSTER NODES" => {
                let mut text = String::new();
                for (index, slots) in ["0-8191", "8192-16383"].iter().enumerate() {
                    let flags = if index == node { "myself,master" } else { "master" };
                    let port = ports[index];
                    writeln!(text, "id{index} 127.0.0.1:{port}@1 {flags} - 0 0 {} connected {slots}", index + 1)
                        .unwrap();
                }
                bulk(&text)
            }
            _ => "-ERR unknown subcommand\r\n".to_owned(),
        }
    }

    /// Cursors say where they lead by a slot, and come in this order.
    fn scan(&self, node: usize, words: &[String]) -> String {
        if words[0] == "SCAN" {
            return page("0", &[["{b}own"], ["{a}own"]][node]);
        }
        if !self.knows_it {
            return "-ERR unknown command 'CLUSTERSCAN', with args beginning with: '0'\r\n".to_owned();
        }
        let [first, more, second] = cursors();
        let cursor = words[1].as_str();
        let slot = slot_of(cursor);
        let owner = usize::from(slot > LAST_OF_FIRST);
        if cursor != "0" && owner != node {
            return format!("-MOVED {slot} 127.0.0.1:{}\r\n", self.ports.get().unwrap()[owner]);
        }
        match cursor {
            "0" => page(&first, &[]),
            cursor if cursor == first => page(&more, &["a", "b"]),
            cursor if cursor == more => page(&second, &[]),
            cursor if cursor == second => page("0", &["c"]),
            _ => "-ERR invalid cursor\r\n".to_owned(),
        }
    }
}

/// The cursors that come after `0`: two of the first node, and one of the second.
fn cursors() -> [String; 3] {
    let (first, second) = (key_in(7), key_in(9000));
    [format!("0-{first}-0"), format!("fp-{first}-48"), format!("0-{second}-0")]
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn page(cursor: &str, keys: &[&str]) -> String {
    let items: String = keys.iter().map(|key| bulk(key)).collect();
    format!("*2\r\n{}*{}\r\n{items}", bulk(cursor), keys.len())
}

#[tokio::test]
async fn where_servers_keep_account_their_cursors_lead_from_node_to_node() {
    let (script, peers) = Script { version: "9.1.0", knows_it: true, ..Script::default() }.start().await;
    let client = Script::client(&peers).await;
    let mut scan = client.scan::<String>().matching("x*").count(5).stream();
    let mut found = Vec::new();
    while let Some(key) = within(PATIENCE, scan.next()).await {
        found.push(key.unwrap());
    }
    assert_eq!(found, ["a", "b", "c"]);
    let asked = script.asked.lock().unwrap().clone();
    let [first, more, second] = cursors();
    let lines: Vec<&str> = asked.iter().map(|(_, line)| line.as_str()).collect();
    let expected = ["0", &first, &more, &second].map(|cursor| format!("CLUSTERSCAN {cursor} MATCH x* COUNT 5"));
    assert_eq!(lines, expected, "each page once, and straight from the node that has it");
    assert_eq!(asked[1..].iter().map(|(node, _)| *node).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn where_they_do_not_it_is_kept_here() {
    for version in ["8.1.0", "9.1.0"] {
        let (script, peers) = Script { version, knows_it: false, ..Script::default() }.start().await;
        let client = Script::client(&peers).await;
        let mut scan = client.scan::<String>().stream();
        let mut found = Vec::new();
        while let Some(key) = within(PATIENCE, scan.next()).await {
            found.push(key.unwrap());
        }
        assert_eq!(found, ["{b}own", "{a}own"]);
        let asked = script.asked.lock().unwrap().clone();
        let theirs = asked.iter().filter(|(_, line)| line.starts_with("CLUSTERSCAN")).count();
        assert_eq!((theirs, asked.len() - theirs), (usize::from(version == "9.1.0"), 2), "{asked:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_what_was_asked_for_ends_the_scan() {
    let (_script, peers) = Script { version: "10.0.3", knows_it: true, ..Script::default() }.start().await;
    let client = Script::client(&peers).await;
    let mut scan = client.scan::<u32>().stream();
    let error = within(PATIENCE, scan.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "the keys are no numbers: {error}");
    assert!(scan.next().await.is_none());
}
