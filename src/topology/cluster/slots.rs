//! `CLUSTER SLOTS`, which every version knows.
//!
//! Source: <https://redis.io/docs/latest/commands/cluster-slots/>

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::Malformed;
use super::map::{NodeFacts, SlotMap};
use super::named::{self, Members, Nodes};
use crate::command::{Elements, Fields, Slot};
use crate::outcome::Address;
use crate::resp::{Reply, View};

/// The map that a node at `asked` gives. Ranges of the same primary are one shard. A node without a port is left out,
/// and so is a range whose primary is left out.
pub(crate) fn of_slots(reply: Reply<'_>, asked: &Address) -> Result<SlotMap, Malformed> {
    let Ok(View::Array(ranges) | View::Set(ranges)) = reply.view() else {
        return Err(Malformed::unless("an array of ranges", reply));
    };
    if ranges.len() > usize::from(Slot::COUNT) {
        return Err(Malformed::TooMany);
    }
    let mut nodes = Nodes::default();
    let mut found: Vec<(Members, Vec<RangeInclusive<u16>>)> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for range in ranges {
        let mut parts = Elements::of(range)?.rest();
        let (Some(first), Some(last), Some(primary)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(primary) = node(primary, asked)? else { continue };
        let health = primary.health;
        let primary = nodes.add(primary);
        let place = *places.entry(primary).or_insert_with(|| {
            let mut members = Members::default();
            members.add_primary(primary, health);
            found.push((members, Vec::new()));
            found.len() - 1
        });
        let Some((members, ranges)) = found.get_mut(place) else { continue };
        ranges.extend(named::range(first, last));
        for replica in parts {
            if let Some(replica) = node(replica, asked)? {
                members.add_replica(nodes.add(replica));
            }
        }
    }
    let found = found.into_iter().map(|(members, ranges)| (members.into_shard(), ranges)).collect();
    Ok(SlotMap::new(nodes.into_all(), found))
}

/// `None` for a node that nobody can connect to. Servers before Redis 4.0 tell no id, those before 7.0 no more than that.
fn node(reply: Reply<'_>, asked: &Address) -> Result<Option<NodeFacts>, Malformed> {
    let mut parts = Elements::of(reply)?.rest();
    let (endpoint, port, id) = (parts.next(), parts.next(), parts.next());
    let more = parts.next().map(Fields::of).transpose()?;
    let more = |name| more.as_ref().and_then(|fields| fields.reply(name));
    let Some(address) = named::address(endpoint, more("ip"), port, asked) else { return Ok(None) };
    Ok(Some(NodeFacts {
        id: named::text(id).unwrap_or_default(),
        hostname: named::text(more("hostname")).or_else(|| named::hostname(endpoint)),
        zone: named::text(more("availability-zone")),
        ..NodeFacts::at(address)
    }))
}
