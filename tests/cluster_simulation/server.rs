//! What a node does with a command: the rules of a cluster's nodes, by what each believes.

use std::sync::Arc;

use bytes::Bytes;

use crate::view::{HOST, NodeId, Segment};
use crate::wire::{Answer, Words};
use crate::world::{Fence, World, text};

/// What becomes of a command with keys.
enum Way {
    /// This shard's content has it.
    Here(usize),
    /// What the node had before others took over, which it does not know.
    Frozen,
    Refused(String),
    /// No answer before the node knows more.
    Hold,
}

impl World {
    /// Runs a command and writes its answer; false: not yet.
    pub(crate) fn execute(&mut self, number: usize, words: &Words, out: &mut Vec<u8>) -> bool {
        let node = self.connections[number].node;
        let verb = text(&words[0]).to_ascii_uppercase();
        let asked = self.connections[number].asking;
        if asked && keys(&verb, words).is_empty() && !in_transaction(&verb) && self.connections[number].queued.is_none()
        {
            self.complain(format_args!("ASKING is followed by {verb}"));
        }
        if let Some(answer) = self.administer(number, node, &verb, words, out) {
            if verb != "ASKING" {
                self.connections[number].asking = false;
            }
            if let Some(answer) = answer {
                answer.write(self.connections[number].is_new, out);
            }
            return true;
        }
        self.note_used(number);
        let Some(answer) = self.serve(number, node, &verb, words) else { return false };
        if self.connections[number].queued.is_none() {
            self.connections[number].asking = false;
        }
        answer.write(self.connections[number].is_new, out);
        true
    }

    /// What has nothing to do with keys; `Some(None)`: the answer is written already.
    fn administer(
        &mut self,
        number: usize,
        node: NodeId,
        verb: &str,
        words: &Words,
        out: &mut Vec<u8>,
    ) -> Option<Option<Answer>> {
        let loads = self.nodes[node].loading > self.now;
        let it = &mut self.connections[number];
        Some(Some(match verb {
            "HELLO" if self.traits.is_old => {
                Answer::error("ERR unknown command 'HELLO', with args beginning with: '3'")
            }
            "HELLO" => {
                it.is_new = words.get(1).is_some_and(|version| &version[..] == b"3");
                let text = |text: &str| Answer::Text(text.to_owned());
                Answer::Map(vec![
                    ("server", text("redis")),
                    ("version", text("7.2.4")),
                    ("proto", Answer::Number(if it.is_new { 3 } else { 2 })),
                    ("id", Answer::Number(number as i64)),
                    ("mode", text("cluster")),
                    ("role", text("master")),
                    ("modules", Answer::List(Vec::new())),
                ])
            }
            "CLIENT" | "SELECT" => Answer::Simple("OK"),
            "INFO" => Answer::Text(String::from("redis_version:6.0.0\r\nredis_mode:cluster\r\n")),
            "READONLY" => {
                it.reads = true;
                Answer::Simple("OK")
            }
            "READWRITE" => {
                it.reads = false;
                Answer::Simple("OK")
            }
            "ASKING" => {
                it.asking = true;
                Answer::Simple("OK")
            }
            "CLUSTER" => return self.describe(number, node, words, out),
            "PING" | "ECHO" | "ROLE" if loads => Answer::error("LOADING Redis is loading the dataset in memory"),
            "PING" => Answer::Simple("PONG"),
            "ROLE" => {
                Answer::List(vec![Answer::Text("master".to_owned()), Answer::Number(0), Answer::List(Vec::new())])
            }
            "ECHO" if it.queued.is_none() => Answer::Bulk(words[1].clone()),
            _ => return None,
        }))
    }

    fn describe(&mut self, number: usize, node: NodeId, words: &Words, out: &mut Vec<u8>) -> Option<Option<Answer>> {
        let is_new = self.connections[number].is_new;
        let (view, naming) = (Arc::clone(&self.nodes[node].view), self.traits.naming);
        match words.get(1).map(|word| word.to_ascii_uppercase()).as_deref() {
            Some(b"INFO") => Some(Some(view.info(self.down_until <= self.now))),
            Some(b"SHARDS") => {
                self.note_asked(number, node);
                if self.traits.no_shards {
                    return Some(Some(Answer::error(
                        "ERR Unknown subcommand or wrong number of arguments for 'SHARDS'",
                    )));
                }
                out.extend_from_slice(&view.shards(&self.slots, naming, is_new));
                Some(None)
            }
            Some(b"SLOTS") => {
                if !self.traits.no_shards {
                    self.note_asked(number, node);
                }
                out.extend_from_slice(&view.slots(&self.slots, naming, is_new));
                Some(None)
            }
            _ => Some(Some(Answer::error("ERR Unknown subcommand"))),
        }
    }

    fn note_asked(&mut self, number: usize, node: NodeId) {
        let (port, now) = (self.nodes[node].port, self.now);
        // What was under way for long arrives at once when the way is free.
        if self.connections[number].was_delayed {
            return;
        }
        self.asked.entry(port).or_default().push(now);
        self.count("topologies asked for");
    }

    /// Commands with keys, and those of transactions; `None`: not yet.
    fn serve(&mut self, number: usize, node: NodeId, verb: &str, words: &Words) -> Option<Answer> {
        if self.nodes[node].loading > self.now {
            self.count("LOADING");
            self.connections[number].is_dirty |= self.connections[number].queued.is_some();
            return Some(Answer::error("LOADING Redis is loading the dataset in memory"));
        }
        match verb {
            "MULTI" => {
                let it = &mut self.connections[number];
                (it.queued, it.is_dirty) = (Some(Vec::new()), false);
                return Some(Answer::Simple("OK"));
            }
            "EXEC" => return self.execute_queued(number, node),
            _ => {}
        }
        let keys = keys(verb, words);
        if keys.is_empty() && verb != "ECHO" {
            self.complain(format_args!("the model knows no {verb}"));
            return Some(Answer::error("ERR unknown command"));
        }
        let reads = matches!(verb, "GET" | "MGET");
        let way = if keys.is_empty() { Way::Here(0) } else { self.way(number, node, &keys, reads) };
        let is_queued = self.connections[number].queued.is_some();
        match way {
            Way::Refused(line) => {
                self.connections[number].is_dirty |= is_queued;
                Some(Answer::Error(line))
            }
            Way::Hold => None,
            Way::Here(_) | Way::Frozen if is_queued => {
                self.connections[number].queued.as_mut()?.push(words.clone());
                Some(Answer::Simple("QUEUED"))
            }
            Way::Here(shard) => Some(self.run(shard, verb, words)),
            Way::Frozen => Some(self.read_frozen(node, verb, words)),
        }
    }

    fn execute_queued(&mut self, number: usize, node: NodeId) -> Option<Answer> {
        let it = &mut self.connections[number];
        let Some(queued) = it.queued.clone() else { return Some(Answer::error("ERR EXEC without MULTI")) };
        let all: Vec<Bytes> = queued.iter().flat_map(|words| keys(&text(&words[0]), words)).collect();
        if it.is_dirty {
            it.queued = None;
            return Some(Answer::error("EXECABORT Transaction discarded because of previous errors."));
        }
        let way = if all.is_empty() { Way::Here(0) } else { self.way(number, node, &all, false) };
        if matches!(way, Way::Hold) {
            return None;
        }
        self.connections[number].queued = None;
        Some(match way {
            Way::Here(shard) => {
                self.count("transactions");
                Answer::List(queued.iter().map(|words| self.run(shard, &text(&words[0]), words)).collect())
            }
            Way::Refused(line) => {
                self.count("transactions refused at their end");
                match line.starts_with("NOREPLICAS") {
                    // Only what is about slots is said as it is.
                    true => Answer::Error(format!("EXECABORT Transaction discarded because of: {line}")),
                    false => Answer::Error(line),
                }
            }
            Way::Frozen | Way::Hold => Answer::error("CLUSTERDOWN The cluster is down"),
        })
    }

    /// What the node does with a command about these keys.
    fn way(&mut self, number: usize, node: NodeId, keys: &[Bytes], reads: bool) -> Way {
        let view = Arc::clone(&self.nodes[node].view);
        let segment = self.segment_of(&keys[0]);
        if keys.iter().any(|key| self.segment_of(key) != segment) {
            self.complain("a command has keys of several slots");
            return Way::Refused("CROSSSLOT Keys in request don't hash to the same slot".to_owned());
        }
        if self.down_until > self.now || (self.traits.needs_all && !view.is_whole()) {
            self.count("CLUSTERDOWN");
            return Way::Refused("CLUSTERDOWN The cluster is down".to_owned());
        }
        let owner = view.owners[segment];
        let (is_owner, is_replica) =
            (view.shards[owner].primary == Some(node), view.shards[owner].replicas.contains(&node));
        if is_owner && self.truth.shards[owner].primary != Some(node) {
            return self.way_deposed(reads);
        }
        let here = |world: &Self, shard: usize| keys.iter().filter(|key| world.has(shard, key)).count();
        if is_owner {
            let present = here(self, owner);
            let Some(to) = view.moving[segment].filter(|_| present < keys.len()) else { return Way::Here(owner) };
            return match view.shards[to].primary.filter(|_| present == 0) {
                Some(to) => self.redirect("ASK", segment, &keys[0], view.ports[to]),
                None => {
                    self.count("TRYAGAIN");
                    Way::Refused("TRYAGAIN Multiple keys request during rehashing of slot".to_owned())
                }
            };
        }
        let importing = view.moving[segment].filter(|to| view.shards[*to].primary == Some(node));
        if let Some(shard) = importing.filter(|_| self.connections[number].asking) {
            if self.truth.shards[shard].primary != Some(node) {
                return self.way_deposed(reads);
            }
            if keys.len() > 1 && here(self, shard) < keys.len() {
                self.count("TRYAGAIN");
                return Way::Refused("TRYAGAIN Multiple keys request during rehashing of slot".to_owned());
            }
            self.count("served after ASKING");
            return Way::Here(shard);
        }
        if is_replica && reads && self.connections[number].reads && view.moving[segment].is_none() {
            return self.way_replica(owner, segment);
        }
        match view.shards[owner].primary {
            Some(primary) => self.redirect("MOVED", segment, &keys[0], view.ports[primary]),
            None => {
                self.count("CLUSTERDOWN");
                Way::Refused("CLUSTERDOWN Hash slot not served".to_owned())
            }
        }
    }

    /// A replica has all that its primary has, as long as that is there.
    fn way_replica(&mut self, owner: usize, segment: Segment) -> Way {
        let primary = self.truth.shards[owner].primary;
        if !primary.is_some_and(|primary| self.is_heard(primary)) {
            self.count("MASTERDOWN");
            return Way::Refused(
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.".to_owned(),
            );
        }
        if self.truth.owners[segment] != owner || self.truth.moving[segment].is_some() {
            return Way::Refused("TRYAGAIN Multiple keys request during rehashing of slot".to_owned());
        }
        self.count("reads of replicas");
        Way::Here(owner)
    }

    fn way_deposed(&mut self, reads: bool) -> Way {
        match (reads, self.traits.fence) {
            (_, Fence::Down) => Way::Refused("CLUSTERDOWN The cluster is down".to_owned()),
            (true, _) => Way::Frozen,
            (false, Fence::Hold) => Way::Hold,
            (false, Fence::NoReplicas) => {
                self.count("NOREPLICAS");
                Way::Refused("NOREPLICAS Not enough good replicas to write.".to_owned())
            }
        }
    }

    fn redirect(&mut self, how: &'static str, segment: Segment, key: &Bytes, port: u16) -> Way {
        self.count(how);
        debug_assert!(segment < self.slots.len());
        let slot = steadfast::Slot::of(key).number();
        let host = if self.traits.naming.host().is_empty() { "" } else { HOST };
        Way::Refused(format!("{how} {slot} {host}:{port}"))
    }

    fn has(&self, shard: usize, key: &Bytes) -> bool {
        std::str::from_utf8(key).is_ok_and(|key| self.contents[shard].contains_key(key))
    }

    fn run(&mut self, shard: usize, verb: &str, words: &Words) -> Answer {
        self.count("commands");
        let key = words.get(1).map(text).unwrap_or_default();
        let content = &mut self.contents[shard];
        match verb {
            "ECHO" => Answer::Bulk(words[1].clone()),
            "GET" => content.get(&key).map_or(Answer::Null, |value| Answer::Text(value.clone())),
            "MGET" => {
                let values = words[1..].iter().map(|key| content.get(&text(key)).cloned());
                Answer::List(values.map(|value| value.map_or(Answer::Null, Answer::Text)).collect())
            }
            "SET" => {
                content.insert(key, text(&words[2]));
                Answer::Simple("OK")
            }
            "APPEND" => {
                let value = content.entry(key).or_default();
                value.push_str(&text(&words[2]));
                Answer::Number(value.len() as i64)
            }
            "INCR" => {
                let value = content.entry(key).or_insert_with(|| "0".to_owned());
                let number = value.parse::<i64>().unwrap_or(0) + 1;
                *value = number.to_string();
                Answer::Number(number)
            }
            _ => Answer::error("ERR unknown command"),
        }
    }

    /// Reads what may be old, and says so: a `~` behind each value.
    fn read_frozen(&mut self, node: NodeId, verb: &str, words: &Words) -> Answer {
        self.count("stale reads");
        let frozen = self.nodes[node].frozen.clone().unwrap_or_default();
        let values: Option<Vec<_>> = words[1..]
            .iter()
            .map(|key| frozen.get(&text(key)).map(|value| Answer::Text(format!("{value}~"))))
            .collect();
        match (verb, values) {
            ("MGET", Some(values)) => Answer::List(values),
            ("GET", Some(mut values)) => values.pop().unwrap_or(Answer::Null),
            // That there is nothing could not be marked as old.
            _ => Answer::error("CLUSTERDOWN The cluster is down"),
        }
    }
}

fn in_transaction(verb: &str) -> bool {
    matches!(verb, "MULTI" | "EXEC")
}

fn keys(verb: &str, words: &Words) -> Vec<Bytes> {
    match verb {
        "GET" | "SET" | "INCR" | "APPEND" => words.get(1).cloned().into_iter().collect(),
        "MGET" => words[1..].to_vec(),
        _ => Vec::new(),
    }
}
