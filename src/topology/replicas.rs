//! A primary and its replicas that nobody but themselves can tell apart: each is asked for its role.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acquisition::before;
use super::cluster::{Health, NodeFacts, SlotMap};
use super::recovery::cause_of;
use super::routes::Routing;
use super::source::Found;
use super::together::{Futures, first};
use crate::command::{Command, ServerError};
use crate::connection::Offline;
use crate::driver::now;
use crate::outcome::{Address, Cause, HandshakeRefusal};

/// What a server says of its part in the replication.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    address: Address,
    is_primary: bool,
    health: Health,
    /// How much of the history it has.
    offset: u64,
    /// The name of the history that it writes, or follows.
    history: String,
    /// The one that it continues: that of the primary before it.
    earlier: String,
}

/// Which of `nodes` is the primary, until `until` at the latest.
pub(super) async fn find(routing: Arc<Routing>, nodes: Vec<Address>, until: Instant) -> Result<Found, Cause> {
    let mut asking: Futures<'_, Result<Standing, Cause>> = Vec::with_capacity(nodes.len());
    for address in &nodes {
        asking.push(Box::pin(ask(&routing, address, until)));
    }
    let (mut standings, mut failed) = (Vec::new(), Vec::new());
    let mut until = until;
    while !asking.is_empty() {
        match before(first(&mut asking), Some(until), routing.runtime()).await {
            Ok(Ok(standing)) => {
                let is_primary = standing.is_primary;
                standings.push(standing);
                if is_primary {
                    // All were asked at the same time: those that are well answer as soon.
                    until = until.min(now() + OTHERS);
                }
            }
            Ok(Err(cause)) => failed.push(cause),
            Err(_) => break,
        }
    }
    let is_permanent = asking.is_empty() && standings.is_empty() && failed.iter().all(Cause::is_permanent);
    match map_of(&nodes, standings) {
        Some(map) => Ok(Found { map, rank: 0 }),
        None => {
            let told = failed.into_iter().find(|cause| is_permanent || !cause.is_permanent());
            Err(told.unwrap_or_else(|| Cause::Refused { message: NO_PRIMARY.into() }))
        }
    }
}

/// The topology: the primary, and all others as its replicas. Those that have not answered are not well.
fn map_of(nodes: &[Address], standings: Vec<Standing>) -> Option<SlotMap> {
    let primary = primary_of(&standings)?.address.clone();
    let health = |address: &Address| {
        let standing = standings.iter().find(|standing| standing.address == *address);
        standing.filter(|standing| !standing.is_primary).map_or(Health::Failed, |standing| standing.health)
    };
    let others = nodes.iter().filter(|address| **address != primary);
    let replicas = others.map(|address| NodeFacts { health: health(address), ..NodeFacts::at(address.clone()) });
    let replicas = replicas.collect();
    Some(SlotMap::whole(NodeFacts::at(primary), replicas))
}

/// Of several that call themselves so: the one that continues the history of another one, or else has the most of it.
fn primary_of(standings: &[Standing]) -> Option<&Standing> {
    let primaries = || standings.iter().filter(|standing| standing.is_primary);
    let is_succeeded = |standing: &&Standing| {
        let history = standing.history.as_str();
        !history.is_empty() && primaries().any(|other| other.earlier == history && other.history != history)
    };
    primaries().max_by_key(|standing| (!is_succeeded(standing), standing.offset))
}

async fn ask(routing: &Arc<Routing>, address: &Address, until: Instant) -> Result<Standing, Cause> {
    let node = routing.seed(address);
    // Not waited for is one that could not be connected to the last time: the others may be enough.
    let session = node.link().ready_for(Offline::FailFast).await?;
    let info = node.link().ask(Command::new("INFO replication"), Some(until)).await.map_err(|lost| cause_of(&lost))?;
    let text = info.reply().bytes().unwrap_or_default();
    if !info.has_error() {
        return Ok(Standing::of(address.clone(), &String::from_utf8_lossy(text)));
    }
    if text.starts_with(b"NOPERM") && session.server.role.is_some() {
        // What it said in the handshake is all there is to know.
        let is_primary = !session.server.is_replica();
        return Ok(Standing { is_primary, ..Standing::unknown(address.clone()) });
    }
    let permanent = text.starts_with(b"NOPERM");
    let error = ServerError::from_bytes(text);
    Err(Cause::Handshake(HandshakeRefusal::new("INFO", error.message(), permanent)))
}

impl Standing {
    fn unknown(address: Address) -> Self {
        let (history, earlier) = (String::new(), String::new());
        Self { address, is_primary: false, health: Health::Online, offset: 0, history, earlier }
    }

    /// Of an answer to `INFO replication`.
    ///
    /// Source: <https://redis.io/docs/latest/commands/info/>
    fn of(address: Address, text: &str) -> Self {
        let mut standing = Self::unknown(address);
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once(':')) {
            match name {
                "role" => standing.is_primary = value == "master",
                "master_link_status" if value != "up" => standing.health = standing.health.max(Health::Failed),
                "master_sync_in_progress" if value == "1" => standing.health = Health::Loading,
                "master_repl_offset" => standing.offset = value.parse().unwrap_or(0),
                "master_replid" => value.clone_into(&mut standing.history),
                "master_replid2" => value.clone_into(&mut standing.earlier),
                _ => {}
            }
        }
        standing
    }
}

/// How long others are waited for when a primary has answered, 100 ms.
const OTHERS: Duration = Duration::from_millis(100);

const NO_PRIMARY: &str = "none of the servers is a primary";

#[cfg(test)]
mod tests {
    use super::*;

    /// Redis 7.0.15, byte for byte.
    const REPLICA: &str = "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:23100\r\n\
        master_link_status:up\r\nmaster_last_io_seconds_ago:1\r\nmaster_sync_in_progress:0\r\n\
        slave_read_repl_offset:3669\r\nslave_repl_offset:3669\r\nslave_priority:100\r\nslave_read_only:1\r\n\
        replica_announced:1\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n\
        master_replid:b4844158e552f9c6e3ed96a383456eb4ce8a39cd\r\n\
        master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:3669\r\n\
        second_repl_offset:-1\r\nrepl_backlog_active:1\r\nrepl_backlog_size:1048576\r\n\
        repl_backlog_first_byte_offset:1\r\nrepl_backlog_histlen:3669\r\n";

    fn at(port: u16) -> Address {
        Address::tcp("10.0.0.1", port)
    }

    fn primary(port: u16, offset: u64, history: &str, earlier: &str) -> Standing {
        let (history, earlier) = (history.to_owned(), earlier.to_owned());
        Standing { is_primary: true, offset, history, earlier, ..Standing::unknown(at(port)) }
    }

    fn chosen(standings: &[Standing]) -> Option<Address> {
        primary_of(standings).map(|standing| standing.address.clone())
    }

    #[test]
    fn what_a_server_says_of_itself_is_read() {
        let standing = Standing::of(at(1), REPLICA);
        assert!(!standing.is_primary && standing.health == Health::Online && standing.offset == 3669);
        assert_eq!(standing.history, "b4844158e552f9c6e3ed96a383456eb4ce8a39cd");
        let cut = REPLICA.replace("link_status:up", "link_status:down");
        assert_eq!(Standing::of(at(1), &cut).health, Health::Failed);
        let syncs = cut.replace("sync_in_progress:0", "sync_in_progress:1");
        assert_eq!(Standing::of(at(1), &syncs).health, Health::Loading);
        assert!(Standing::of(at(1), "# Replication\r\nrole:master\r\nmaster_repl_offset:x\r\n").is_primary);
        assert_eq!(Standing::of(at(1), "garbage"), Standing::unknown(at(1)));
    }

    #[test]
    fn the_one_that_is_a_primary_is_the_primary() {
        assert_eq!(chosen(&[Standing::unknown(at(1)), primary(2, 0, "", ""), Standing::unknown(at(3))]), Some(at(2)));
        assert_eq!(chosen(&[Standing::unknown(at(1))]), None);
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn of_two_primaries_the_later_one_or_the_one_with_more_data_is_chosen() {
        let stopped = primary(1, 900, "old", "0000");
        assert_eq!(chosen(&[stopped.clone(), primary(2, 500, "new", "old")]), Some(at(2)), "it follows the other one");
        assert_eq!(chosen(&[primary(2, 500, "new", "old"), stopped.clone()]), Some(at(2)));
        let emptied = primary(3, 0, "fresh", "0000");
        assert_eq!(chosen(&[emptied, stopped]), Some(at(1)), "a restarted one has nothing");
        let zeros = "0000000000000000000000000000000000000000";
        assert_eq!(chosen(&[primary(1, 2, zeros, zeros), primary(2, 1, zeros, zeros)]), Some(at(1)));
    }

    #[test]
    fn all_that_are_configured_are_known_and_those_without_an_answer_are_not_well() {
        let nodes = [at(1), at(2), at(3), at(4)];
        let loading = Standing { health: Health::Loading, ..Standing::unknown(at(3)) };
        let map = map_of(&nodes, vec![loading, primary(2, 5, "b", "a"), primary(4, 9, "a", "")]).unwrap();
        let shown: Vec<_> = map.nodes().iter().map(|node| (node.address.clone(), node.health)).collect();
        assert_eq!(
            shown,
            [(at(2), Health::Online), (at(1), Health::Failed), (at(3), Health::Loading), (at(4), Health::Failed)]
        );
        assert!(map.is_whole() && map.shards()[0].primary == Some(0) && map.shards()[0].replicas == [1, 2, 3]);
        assert!(map_of(&nodes, vec![Standing::unknown(at(1))]).is_none());
    }
}
