//! Streams: <https://redis.io/docs/latest/commands/?group=stream>.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::stream_answers::{streams_read, without_nulls};
use super::{
    Claimed, EntryDeletion, PendingEntry, PendingSummary, StreamConsumer, StreamEntry, StreamGroup, StreamId,
    StreamSummary, StreamTrim, StreamsRead, at_least_one, block_milliseconds, counted, keyed, keyless, known,
    milliseconds, unix_milliseconds,
};
use crate::command::{Executor, FromReply, Request, ToArg, ToArgs, Value};

/// Commands on streams.
///
/// An id that is given is a [`StreamId`], or any string that Redis knows: `"*"`, `"$"`, `">"`, `"-"`, `"+"`. The names of
/// groups and consumers in answers must be UTF-8; where they need not be, [`Value`](crate::Value) takes the answer as it is:
/// `xinfo_groups(..).answer_as::<Value>()`.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{StreamEntry, StreamId, Streams, StreamsRead};
///
/// let id: StreamId = client.xadd("events", "*", [("kind", "login"), ("user", "alice")]).await?;
/// let all: Vec<StreamEntry> = client.xrange("events", "-", "+").count(100).await?;
///
/// client.xgroup_create("events", "mailer", "0").await?;
/// let new: StreamsRead = client.xreadgroup("mailer", "worker-1", "events", ">").count(10).await?;
/// for (stream, entries) in new {
///     for entry in entries {
///         println!("{}: {:?}", entry.id, entry.fields.get("kind"));
///         client.xack(&stream, "mailer", entry.id).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub trait Streams: Executor {
    /// Acknowledges entries: they are not pending any more. How many of them were.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xack/>
    fn xack(self, key: impl ToArg, group: impl ToArg, ids: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("XACK") }, key).with((group, ids))
    }

    /// Acknowledges entries and deletes them from the stream. What became of each, in their order. Options are methods of the
    /// request: [`delref`](XackdelOptions), [`acked`](XackdelOptions), [`keepref`](XackdelOptions).
    /// Redis 8.2, Valkey 9.2. <https://redis.io/docs/latest/commands/xackdel/>
    fn xackdel(
        self,
        key: impl ToArg,
        group: impl ToArg,
        ids: impl ToArgs,
    ) -> Request<Self, Vec<EntryDeletion>, XackdelOptions> {
        let request = keyed::<_, ()>(self, const { known("XACKDEL") }, key).with((group, "IDS"));
        counted(request, ids).marked()
    }

    /// Adds an entry: pairs of field and value, as for [`hset`](super::Hashes::hset). Its id, which the server makes of
    /// `"*"`; one that is given must be greater than all before it. The stream is made if there is none. Options are methods
    /// of the request: [`nomkstream`](XaddOptions), [`trim`](XaddOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xadd/>
    fn xadd(self, key: impl ToArg, id: impl ToArg, fields: impl ToArgs) -> Request<Self, StreamId, XaddOptions> {
        at_least_one(3, keyed::<_, ()>(self, const { known("XADD") }, key).with((id, fields))).marked()
    }

    /// Makes this consumer the owner of entries, from `start` on, that are pending for at least `min_idle`. The entries, and
    /// where to go on. Options are methods of the request: [`count`](XautoclaimOptions), [`justid`](XautoclaimOptions).
    /// Since 6.2. <https://redis.io/docs/latest/commands/xautoclaim/>
    fn xautoclaim<T: FromReply>(
        self,
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl ToArg,
    ) -> Request<Self, Claimed<StreamEntry<T>>, XautoclaimOptions> {
        let request = keyed::<_, ()>(self, const { known("XAUTOCLAIM") }, key);
        request.with((group, consumer, milliseconds(min_idle), start)).marked()
    }

    /// Makes this consumer the owner of those of the entries that are pending for at least `min_idle`, which it answers.
    /// Options are methods of the request: [`idle`](XclaimOptions), [`time`](XclaimOptions),
    /// [`retrycount`](XclaimOptions), [`force`](XclaimOptions), [`justid`](XclaimOptions),
    /// [`lastid`](XclaimOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xclaim/>
    fn xclaim<T: FromReply>(
        self,
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl ToArgs,
    ) -> Request<Self, Vec<StreamEntry<T>>, XclaimOptions> {
        let request = keyed::<_, ()>(self, const { known("XCLAIM") }, key);
        at_least_one(5, request.with((group, consumer, milliseconds(min_idle), ids))).read_by(without_nulls)
    }

    /// Deletes entries. How many there were.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xdel/>
    fn xdel(self, key: impl ToArg, ids: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("XDEL") }, key).with(ids)
    }

    /// Deletes entries. What became of each, in their order. Options are methods of the request:
    /// [`delref`](XdelexOptions), [`acked`](XdelexOptions), [`keepref`](XdelexOptions).
    /// Redis 8.2, Valkey 9.2. <https://redis.io/docs/latest/commands/xdelex/>
    fn xdelex(self, key: impl ToArg, ids: impl ToArgs) -> Request<Self, Vec<EntryDeletion>, XdelexOptions> {
        let request = keyed::<_, ()>(self, const { known("XDELEX") }, key).with("IDS");
        counted(request, ids).marked()
    }

    /// Makes a consumer group, which is delivered what comes after this id: of `"$"` what is added from now on, of `"0"`
    /// everything. One that is there already is an error of the server (`BUSYGROUP`), and so is a missing stream. Options
    /// are methods of the request: [`mkstream`](XgroupCreateOptions), [`entriesread`](XgroupCreateOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xgroup-create/>
    fn xgroup_create(
        self,
        key: impl ToArg,
        group: impl ToArg,
        id: impl ToArg,
    ) -> Request<Self, (), XgroupCreateOptions> {
        keyed::<_, ()>(self, const { known("XGROUP CREATE") }, key).with((group, id)).marked()
    }

    /// Makes a consumer. Whether it is new.
    /// Since 6.2. <https://redis.io/docs/latest/commands/xgroup-createconsumer/>
    fn xgroup_createconsumer(self, key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("XGROUP CREATECONSUMER") }, key).with((group, consumer))
    }

    /// Deletes a consumer and what it had pending, which nobody can claim any more. How many entries that were.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xgroup-delconsumer/>
    fn xgroup_delconsumer(self, key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("XGROUP DELCONSUMER") }, key).with((group, consumer))
    }

    /// Deletes a group with everything that it had pending. Whether there was one.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xgroup-destroy/>
    fn xgroup_destroy(self, key: impl ToArg, group: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("XGROUP DESTROY") }, key).with(group)
    }

    /// What the server says of the subcommands, in lines.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xgroup-help/>
    fn xgroup_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("XGROUP HELP") })
    }

    /// Sets after which id the group is delivered entries. Option: [`entriesread`](XgroupSetidOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xgroup-setid/>
    fn xgroup_setid(self, key: impl ToArg, group: impl ToArg, id: impl ToArg) -> Request<Self, (), XgroupSetidOptions> {
        keyed::<_, ()>(self, const { known("XGROUP SETID") }, key).with((group, id)).marked()
    }

    /// The consumers of a group.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xinfo-consumers/>
    fn xinfo_consumers(self, key: impl ToArg, group: impl ToArg) -> Request<Self, Vec<StreamConsumer>> {
        keyed(self, const { known("XINFO CONSUMERS") }, key).with(group)
    }

    /// The groups of a stream.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xinfo-groups/>
    fn xinfo_groups(self, key: impl ToArg) -> Request<Self, Vec<StreamGroup>> {
        keyed(self, const { known("XINFO GROUPS") }, key)
    }

    /// What the server says of the subcommands, in lines.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xinfo-help/>
    fn xinfo_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("XINFO HELP") })
    }

    /// What the server says of a stream, or with [`full`](XinfoStreamOptions) also of its groups, consumers and
    /// entries. A missing key is an error of the server.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xinfo-stream/>
    fn xinfo_stream(self, key: impl ToArg) -> Request<Self, StreamSummary, XinfoStreamOptions> {
        keyed::<_, ()>(self, const { known("XINFO STREAM") }, key).marked()
    }

    /// How many entries there are.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xlen/>
    fn xlen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("XLEN") }, key)
    }

    /// How much a group has pending: delivered, and not acknowledged. With [`range`](XpendingOptions) which entries.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xpending/>
    fn xpending(self, key: impl ToArg, group: impl ToArg) -> Request<Self, PendingSummary, XpendingOptions> {
        keyed::<_, ()>(self, const { known("XPENDING") }, key).with(group).marked()
    }

    /// The entries from `start` to `end`: both are included, but for [`StreamId::exclusive`]; `"-"` is the first one, `"+"`
    /// the last one. Empty if there are none. Option: [`count`](XcountOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xrange/>
    fn xrange<T: FromReply>(
        self,
        key: impl ToArg,
        start: impl ToArg,
        end: impl ToArg,
    ) -> Request<Self, Vec<StreamEntry<T>>, XcountOptions> {
        keyed::<_, ()>(self, const { known("XRANGE") }, key).with((start, end)).marked()
    }

    /// What several streams, or one, have after an id each; with [`block`](XreadOptions) it waits if none has any. Streams
    /// that have nothing are left out. As many ids as keys. Options are methods of the request: [`count`](XreadOptions),
    /// [`block`](XreadOptions).
    ///
    /// After `"$"` comes what is added while it waits; what is added between two calls is not seen: remember the last id that
    /// was read. `"+"` is the last entry (since 7.4). Names that are no UTF-8:
    /// `xread::<()>(..).answer_as::<Option<Vec<(Bytes, Vec<StreamEntry>)>>>()`.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xread/>
    fn xread<T: FromReply>(self, keys: impl ToArgs, ids: impl ToArgs) -> Request<Self, StreamsRead<T>, XreadOptions> {
        streams(keyless::<_, ()>(self, const { known("XREAD") }), keys, ids).read_by(streams_read)
    }

    /// What a consumer of a group is delivered of several streams, or one; with [`block`](XreadgroupOptions) it waits if there
    /// is nothing. After `">"` it is what
    /// no consumer was delivered before, which is pending then until it is [acknowledged](Self::xack); after another id it
    /// is what this consumer has pending after it. As many ids as keys. Options are methods of the request:
    /// [`count`](XreadgroupOptions), [`block`](XreadgroupOptions), [`noack`](XreadgroupOptions),
    /// [`claim`](XreadgroupOptions).
    ///
    /// Of new entries, streams that have none are left out. Names that are no UTF-8: as for [`xread`](Self::xread).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xreadgroup/>
    fn xreadgroup<T: FromReply>(
        self,
        group: impl ToArg,
        consumer: impl ToArg,
        keys: impl ToArgs,
        ids: impl ToArgs,
    ) -> Request<Self, StreamsRead<T>, XreadgroupOptions> {
        let request = keyless::<_, ()>(self, const { known("XREADGROUP") }).with(("GROUP", group, consumer));
        streams(request, keys, ids).read_by(streams_read)
    }

    /// The entries from `end` down to `start`, given as for [`xrange`](Self::xrange). Option: [`count`](XcountOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xrevrange/>
    fn xrevrange<T: FromReply>(
        self,
        key: impl ToArg,
        end: impl ToArg,
        start: impl ToArg,
    ) -> Request<Self, Vec<StreamEntry<T>>, XcountOptions> {
        keyed::<_, ()>(self, const { known("XREVRANGE") }, key).with((end, start)).marked()
    }

    /// Sets the greatest id that the stream had, so that the next one is greater. A missing stream is an error of the server.
    /// Options are methods of the request: [`entriesadded`](XsetidOptions),
    /// [`maxdeletedid`](XsetidOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/xsetid/>
    fn xsetid(self, key: impl ToArg, last: StreamId) -> Request<Self, (), XsetidOptions> {
        keyed::<_, ()>(self, const { known("XSETID") }, key).with(last).marked()
    }

    /// Removes the oldest entries. How many it removed.
    /// Since 5.0. <https://redis.io/docs/latest/commands/xtrim/>
    fn xtrim(self, key: impl ToArg, trim: StreamTrim) -> Request<Self, u64> {
        keyed(self, const { known("XTRIM") }, key).with(trim)
    }
}

impl<E: Executor> Streams for E {}

/// Marks a request of [`Streams::xackdel`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XackdelOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XackdelOptions;

/// Options of [`Streams::xackdel`]: what becomes of entries that groups have pending. One of them alone.
impl<E, T> Request<E, T, XackdelOptions> {
    /// They stay pending, without fields. The default.
    pub fn keepref(self) -> Self {
        self.insert(3, "KEEPREF")
    }

    /// They are not pending any more, in any group.
    pub fn delref(self) -> Self {
        self.insert(3, "DELREF")
    }

    /// They are deleted only if all groups have read and acknowledged them.
    pub fn acked(self) -> Self {
        self.insert(3, "ACKED")
    }
}

/// Marks a request of [`Streams::xadd`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XaddOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XaddOptions;

/// Options of [`Streams::xadd`].
impl<E, T> Request<E, T, XaddOptions> {
    /// Only if there is such a stream; answers `None` if there is none. Since 6.2.
    pub fn nomkstream(self) -> Request<E, Option<StreamId>, XaddOptions> {
        self.insert(2, "NOMKSTREAM").marked()
    }

    /// Removes the oldest entries afterwards.
    pub fn trim(self, trim: StreamTrim) -> Self {
        self.insert(2, trim)
    }
}

/// Marks a request of [`Streams::xautoclaim`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XautoclaimOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XautoclaimOptions;

/// Options of [`Streams::xautoclaim`].
impl<E, T> Request<E, T, XautoclaimOptions> {
    /// Up to so many entries. Default: 100.
    pub fn count(self, entries: u64) -> Self {
        self.with(("COUNT", entries))
    }

    /// Answers only the ids, and does not count as a delivery. The type of fields is any then:
    /// `xautoclaim::<()>(..).justid()`.
    pub fn justid(self) -> Request<E, Claimed<StreamId>, XautoclaimOptions> {
        self.with("JUSTID").marked()
    }
}

/// Marks a request of [`Streams::xclaim`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XclaimOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XclaimOptions;

/// Options of [`Streams::xclaim`].
impl<E, T> Request<E, T, XclaimOptions> {
    /// As if the entries had been delivered so long ago. Default: now.
    pub fn idle(self, idle: Duration) -> Self {
        self.with(("IDLE", milliseconds(idle)))
    }

    /// As if the entries had been delivered at this time. Default: now.
    pub fn time(self, delivered: SystemTime) -> Self {
        self.with(("TIME", unix_milliseconds(delivered)))
    }

    /// Sets how often the entries were delivered. Default: once more than before.
    pub fn retrycount(self, deliveries: u64) -> Self {
        self.with(("RETRYCOUNT", deliveries))
    }

    /// Also entries that are not pending, if the stream has them.
    pub fn force(self) -> Self {
        self.with("FORCE")
    }

    /// Answers only the ids, and does not count as a delivery. The type of fields is any then:
    /// `xclaim::<()>(..).justid()`.
    pub fn justid(self) -> Request<E, Vec<StreamId>, XclaimOptions> {
        self.with("JUSTID").marked()
    }

    /// Sets the last id that was delivered to the group, if this one is greater.
    pub fn lastid(self, id: StreamId) -> Self {
        self.with(("LASTID", id))
    }
}

/// Marks a request of [`Streams::xrange`] or [`Streams::xrevrange`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XcountOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XcountOptions;

/// Options of [`Streams::xrange`] and [`Streams::xrevrange`].
impl<E, T> Request<E, T, XcountOptions> {
    /// Up to so many entries. Default: all.
    pub fn count(self, entries: u64) -> Self {
        self.with(("COUNT", entries))
    }
}

/// Marks a request of [`Streams::xdelex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XdelexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XdelexOptions;

/// Options of [`Streams::xdelex`]: what becomes of entries that groups have pending. One of them alone.
impl<E, T> Request<E, T, XdelexOptions> {
    /// They stay pending, without fields. The default.
    pub fn keepref(self) -> Self {
        self.insert(2, "KEEPREF")
    }

    /// They are not pending any more, in any group.
    pub fn delref(self) -> Self {
        self.insert(2, "DELREF")
    }

    /// They are deleted only if all groups have read and acknowledged them.
    pub fn acked(self) -> Self {
        self.insert(2, "ACKED")
    }
}

/// Marks a request of [`Streams::xgroup_create`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XgroupCreateOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XgroupCreateOptions;

/// Options of [`Streams::xgroup_create`].
impl<E, T> Request<E, T, XgroupCreateOptions> {
    /// Makes the stream too, empty, if there is none.
    pub fn mkstream(self) -> Self {
        self.with("MKSTREAM")
    }

    /// How many entries count as read by the group; -1: not known, which is the default unless the id says it. Since 7.0.
    pub fn entriesread(self, entries: i64) -> Self {
        self.with(("ENTRIESREAD", entries))
    }
}

/// Marks a request of [`Streams::xgroup_setid`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XgroupSetidOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XgroupSetidOptions;

/// Options of [`Streams::xgroup_setid`].
impl<E, T> Request<E, T, XgroupSetidOptions> {
    /// How many entries count as read by the group; -1: not known, which is the default unless the id says it. Since 7.0.
    pub fn entriesread(self, entries: i64) -> Self {
        self.with(("ENTRIESREAD", entries))
    }
}

/// Marks a request of [`Streams::xinfo_stream`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XinfoStreamOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XinfoStreamOptions;

/// Options of [`Streams::xinfo_stream`].
impl<E, T> Request<E, T, XinfoStreamOptions> {
    /// Answers more, by names: `entries` are the first ones, `groups` a list with, by names, `pel` and `consumers` of each.
    /// Since 6.0.
    pub fn full(self) -> Request<E, HashMap<String, Value>, XinfoStreamFullOptions> {
        self.with("FULL").marked()
    }
}

/// Marks a request of [`Streams::xinfo_stream`] with `full`, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XinfoStreamFullOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XinfoStreamFullOptions;

/// Options of [`Streams::xinfo_stream`] with [`full`](XinfoStreamOptions).
impl<E, T> Request<E, T, XinfoStreamFullOptions> {
    /// Up to so many entries, of the stream and of each list of what is pending; of 0 all. Default: 10.
    pub fn count(self, entries: u64) -> Self {
        self.with(("COUNT", entries))
    }
}

/// Marks a request of [`Streams::xpending`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XpendingOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XpendingOptions;

/// Options of [`Streams::xpending`].
impl<E, T> Request<E, T, XpendingOptions> {
    /// Answers up to so many pending entries from `start` to `end`, given as for [`xrange`](Streams::xrange). Options then:
    /// [`idle`](XpendingRangeOptions), [`consumer`](XpendingRangeOptions).
    pub fn range(
        self,
        start: impl ToArg,
        end: impl ToArg,
        count: u64,
    ) -> Request<E, Vec<PendingEntry>, XpendingRangeOptions> {
        self.with((start, end, count)).marked()
    }
}

/// Marks a request of [`Streams::xpending`] with a range, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XpendingRangeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XpendingRangeOptions;

/// Options of [`Streams::xpending`] with a [`range`](XpendingOptions).
impl<E, T> Request<E, T, XpendingRangeOptions> {
    /// Only entries that were delivered at least so long ago. Since 6.2.
    pub fn idle(self, least: Duration) -> Self {
        self.insert(3, ("IDLE", milliseconds(least)))
    }

    /// Only entries of this consumer.
    pub fn consumer(self, name: impl ToArg) -> Self {
        self.with(name)
    }
}

/// Marks a request of [`Streams::xread`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XreadOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XreadOptions;

/// Options of [`Streams::xread`].
impl<E, T> Request<E, T, XreadOptions> {
    /// Up to so many entries of each stream. Default: all.
    pub fn count(self, entries: u64) -> Self {
        self.insert(1, ("COUNT", entries))
    }

    /// If no stream has anything it [waits](crate::api#commands-that-wait) up to `timeout` until one has; of zero without end.
    /// Empty if nothing came.
    pub fn block(self, timeout: Duration) -> Self {
        self.insert(1, ("BLOCK", block_milliseconds(timeout)))
    }
}

/// Marks a request of [`Streams::xreadgroup`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XreadgroupOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XreadgroupOptions;

/// Options of [`Streams::xreadgroup`].
impl<E, T> Request<E, T, XreadgroupOptions> {
    /// Up to so many entries of each stream. Default: all.
    pub fn count(self, entries: u64) -> Self {
        self.insert(4, ("COUNT", entries))
    }

    /// If there is nothing new it [waits](crate::api#commands-that-wait) up to `timeout` until there is; of zero without end. Empty
    /// if nothing came. Only where new entries are read: of what is pending there is an answer at once. Whoever waits when the
    /// group or a stream is deleted gets an error.
    ///
    /// Entries that are delivered when nobody waits for the answer any more are pending: they are this consumer's.
    pub fn block(self, timeout: Duration) -> Self {
        self.insert(4, ("BLOCK", block_milliseconds(timeout)))
    }

    /// First of all those entries that are pending for at least so long, whoever has them, which become this consumer's; only
    /// where new entries are read. Each entry tells its [`idle`](StreamEntry::idle) and
    /// [`deliveries`](StreamEntry::deliveries) then. Since 8.4.
    pub fn claim(self, min_idle: Duration) -> Self {
        self.insert(4, ("CLAIM", milliseconds(min_idle)))
    }

    /// New entries are not pending afterwards: as if they were acknowledged at once.
    pub fn noack(self) -> Self {
        self.insert(4, "NOACK")
    }
}

/// Marks a request of [`Streams::xsetid`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+XsetidOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct XsetidOptions;

/// Options of [`Streams::xsetid`]. Servers want both or none.
impl<E, T> Request<E, T, XsetidOptions> {
    /// How many entries count as ever added. Since 7.0.
    pub fn entriesadded(self, entries: u64) -> Self {
        self.with(("ENTRIESADDED", entries))
    }

    /// The greatest id of the entries that count as deleted. Since 7.0.
    pub fn maxdeletedid(self, id: StreamId) -> Self {
        self.with(("MAXDELETEDID", id))
    }
}

/// Adds the keys and the ids of what is read, which must be as many.
fn streams<E, T, O>(request: Request<E, T, O>, keys: impl ToArgs, ids: impl ToArgs) -> Request<E, T, O> {
    let request = request.with("STREAMS");
    let start = request.command.len();
    let request = request.with_keys(keys);
    let middle = request.command.len();
    let mut request = at_least_one(start, request).with(ids);
    if middle - start != request.command.len() - middle {
        request.command.reject("not as many ids as keys".into());
    }
    request
}
