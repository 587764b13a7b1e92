//! `CLUSTER SHARDS` (from Redis 7.0 on), the answer that tells most.
//!
//! Source: <https://redis.io/docs/latest/commands/cluster-shards/>

use std::ops::RangeInclusive;

use super::Malformed;
use super::map::{Health, NodeFacts, SlotMap};
use super::named::{self, Members, Nodes};
use crate::command::{Elements, Fields, Slot};
use crate::outcome::Address;
use crate::resp::{Reply, View};

/// The map that a node at `asked` gives. A node that has no port to connect to, with or without TLS as is asked for, is
/// left out. Ranges and shards that contradict each other: the one whose primary is healthier holds.
pub(crate) fn of_shards(reply: Reply<'_>, asked: &Address, over_tls: bool) -> Result<SlotMap, Malformed> {
    let Ok(View::Array(shards) | View::Set(shards)) = reply.view() else {
        return Err(Malformed::unless("an array of shards", reply));
    };
    if shards.len() > usize::from(Slot::COUNT) {
        return Err(Malformed::TooMany);
    }
    let asking = Asking { asked, over_tls };
    let mut nodes = Nodes::default();
    let mut found = Vec::with_capacity(shards.len());
    for shard in shards {
        let fields = Fields::of(shard)?;
        let members = asking.members(&fields, &mut nodes)?;
        found.push((members, ranges(&fields)?));
    }
    // Of two for one slot the later holds, and that is to be the healthier.
    found.sort_by_key(|(members, _)| std::cmp::Reverse(members.health()));
    let found = found.into_iter().map(|(members, ranges)| (members.into_shard(), ranges)).collect();
    Ok(SlotMap::new(nodes.into_all(), found))
}

/// Who was asked, and how.
struct Asking<'a> {
    asked: &'a Address,
    over_tls: bool,
}

impl Asking<'_> {
    fn members(&self, shard: &Fields<'_>, nodes: &mut Nodes) -> Result<Members, Malformed> {
        let mut members = Members::default();
        let Some(list) = shard.reply("nodes") else { return Ok(members) };
        for node in Elements::of(list)?.rest() {
            let fields = Fields::of(node)?;
            let Some(facts) = self.node(&fields) else { continue };
            let health = facts.health;
            let place = nodes.add(facts);
            match fields.reply("role").and_then(Reply::bytes) {
                Some(b"master" | b"primary") => members.add_primary(place, health),
                _ => members.add_replica(place),
            }
        }
        Ok(members)
    }

    fn node(&self, fields: &Fields<'_>) -> Option<NodeFacts> {
        let port = match fields.reply("tls-port") {
            Some(port) if self.over_tls => Some(port),
            // Who names one port only has it for both.
            _ => fields.reply("port"),
        };
        Some(NodeFacts {
            id: named::text(fields.reply("id")).unwrap_or_default(),
            address: named::address(fields.reply("endpoint"), fields.reply("ip"), port, self.asked)?,
            hostname: named::text(fields.reply("hostname")),
            zone: named::text(fields.reply("availability-zone")),
            health: health(fields.reply("health")),
        })
    }
}

/// `fail` is what servers say, `failed` what their documentation says.
fn health(reply: Option<Reply<'_>>) -> Health {
    match reply.and_then(Reply::bytes) {
        Some(b"fail" | b"failed") => Health::Failed,
        Some(b"loading") => Health::Loading,
        _ => Health::Online,
    }
}

/// First and last slot of each range, one after the other.
fn ranges(shard: &Fields<'_>) -> Result<Vec<RangeInclusive<u16>>, Malformed> {
    let Some(list) = shard.reply("slots") else { return Ok(Vec::new()) };
    let mut bounds = Elements::of(list)?.rest();
    if bounds.len() > 2 * usize::from(Slot::COUNT) {
        return Err(Malformed::TooMany);
    }
    let mut ranges = Vec::with_capacity(bounds.len() / 2);
    while let (Some(first), Some(last)) = (bounds.next(), bounds.next()) {
        ranges.extend(named::range(first, last));
    }
    Ok(ranges)
}
