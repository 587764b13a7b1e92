//! Probabilistic structures: Bloom filters <https://redis.io/docs/latest/commands/?group=bf>, cuckoo filters
//! <https://redis.io/docs/latest/commands/?group=cf>, count-min sketches
//! <https://redis.io/docs/latest/commands/?group=cms>, top-k <https://redis.io/docs/latest/commands/?group=topk> and
//! t-digests <https://redis.io/docs/latest/commands/?group=tdigest>.

use super::{at_least_one, counted_keys, keyed, known, some_after};
use crate::command::{ConversionError, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands on structures that answer about right and take little memory: Bloom filters (`bf_`), cuckoo filters
/// (`cf_`), count-min sketches (`cms_`), top-k lists (`topk_`) and t-digests (`tdigest_`); of the module `RedisBloom`, of
/// Redis 8, the Bloom filters also of `valkey-bloom`.
///
/// A key that is not there is the server's error for most of them.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Probabilistic;
///
/// client.bf_reserve("seen", 0.001, 1_000_000).await?;
/// let new: bool = client.bf_add("seen", "visitor:7").await?;
/// let seen: Vec<bool> = client.bf_mexists("seen", ["visitor:7", "visitor:8"]).await?;
/// client.tdigest_create("times").compression(200).await?;
/// client.tdigest_add("times", [1.5, 2.0, 90.0]).await?;
/// let median: Vec<f64> = client.tdigest_quantile("times", [0.5, 0.99]).await?;
/// # Ok(())
/// # }
/// ```
pub trait Probabilistic: Executor {
    /// Adds an item to a Bloom filter, which is made if there is none. Whether it is new.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.add/>
    fn bf_add(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("BF.ADD") }, key).with(item)
    }

    /// How many different items were added to a Bloom filter, about; 0 if there is none.
    /// Since Bloom 2.4.4. <https://redis.io/docs/latest/commands/bf.card/>
    fn bf_card(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("BF.CARD") }, key)
    }

    /// Whether an item was added to a Bloom filter: a `false` is certain. `false` if there is no such key.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.exists/>
    fn bf_exists(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("BF.EXISTS") }, key).with(item)
    }

    /// What a Bloom filter is made of.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.info/>
    fn bf_info(self, key: impl ToArg) -> Request<Self, BloomInfo> {
        keyed(self, const { known("BF.INFO") }, key)
    }

    /// Adds items to a Bloom filter, which is made as the options say if there is none. Whether each is new. Options are
    /// methods of the request: [`capacity`](BfInsertOptions), [`error`](BfInsertOptions),
    /// [`expansion`](BfInsertOptions), [`nocreate`](BfInsertOptions), [`nonscaling`](BfInsertOptions). Of a full
    /// filter that does not scale, `answer_as::<Vec<Result<bool, ServerError>>>` reads the items before its error too.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.insert/>
    fn bf_insert(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>, BfInsertOptions> {
        at_least_one(3, keyed::<_, ()>(self, const { known("BF.INSERT") }, key).with(("ITEMS", items))).marked()
    }

    /// Restores a part of a Bloom filter that [`bf_scandump`](Self::bf_scandump) gave, with the cursor that came with it.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.loadchunk/>
    fn bf_loadchunk(self, key: impl ToArg, cursor: i64, chunk: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("BF.LOADCHUNK") }, key).with((cursor, chunk))
    }

    /// Adds items to a Bloom filter, which is made if there is none. Whether each is new.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.madd/>
    fn bf_madd(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyed(self, const { known("BF.MADD") }, key).with(items)
    }

    /// Whether each item was added to a Bloom filter: a `false` is certain.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.mexists/>
    fn bf_mexists(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyed(self, const { known("BF.MEXISTS") }, key).with(items)
    }

    /// Makes a Bloom filter for so many items, of which so many are wrongly held for added: 0.001 is one of a thousand.
    /// Options are methods of the request: [`expansion`](BfReserveOptions), [`nonscaling`](BfReserveOptions).
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.reserve/>
    fn bf_reserve(self, key: impl ToArg, error: f64, capacity: u64) -> Request<Self, (), BfReserveOptions> {
        keyed::<_, ()>(self, const { known("BF.RESERVE") }, key).with((error, capacity)).marked()
    }

    /// A part of a Bloom filter, and the cursor of the next one: begin with 0, and go on until it is 0.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/bf.scandump/>
    fn bf_scandump<T: FromReply>(self, key: impl ToArg, cursor: i64) -> Request<Self, (i64, Option<T>)> {
        keyed(self, const { known("BF.SCANDUMP") }, key).with(cursor)
    }

    /// Adds an item to a cuckoo filter, which is made if there is none; one that is there is there once more. A full
    /// filter is the server's error.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.add/>
    fn cf_add(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("CF.ADD") }, key).with(item)
    }

    /// Adds an item to a cuckoo filter, if it is not there. Whether it was added.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.addnx/>
    fn cf_addnx(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("CF.ADDNX") }, key).with(item)
    }

    /// How often an item was added to a cuckoo filter, about; 0 is certain.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.count/>
    fn cf_count(self, key: impl ToArg, item: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("CF.COUNT") }, key).with(item)
    }

    /// Removes an item from a cuckoo filter once. Whether it was there. One that was never added must not be removed:
    /// another one can vanish.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.del/>
    fn cf_del(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("CF.DEL") }, key).with(item)
    }

    /// Whether an item is in a cuckoo filter: a `false` is certain. `false` if there is no such key.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.exists/>
    fn cf_exists(self, key: impl ToArg, item: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("CF.EXISTS") }, key).with(item)
    }

    /// What a cuckoo filter is made of.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.info/>
    fn cf_info(self, key: impl ToArg) -> Request<Self, CuckooInfo> {
        keyed(self, const { known("CF.INFO") }, key)
    }

    /// Adds items to a cuckoo filter, which is made if there is none. Whether each was added: not if the filter is full.
    /// Options are methods of the request: [`capacity`](CfInsertOptions), [`nocreate`](CfInsertOptions).
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.insert/>
    fn cf_insert(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>, CfInsertOptions> {
        at_least_one(3, keyed::<_, ()>(self, const { known("CF.INSERT") }, key).with(("ITEMS", items))).read_by(added)
    }

    /// Adds items to a cuckoo filter, if they are not there. For each: 1 if it was added, 0 if it was there, -1 if the
    /// filter is full. Options as for [`cf_insert`](Self::cf_insert).
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.insertnx/>
    fn cf_insertnx(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<i64>, CfInsertOptions> {
        at_least_one(3, keyed::<_, ()>(self, const { known("CF.INSERTNX") }, key).with(("ITEMS", items))).marked()
    }

    /// Restores a part of a cuckoo filter that [`cf_scandump`](Self::cf_scandump) gave, with the cursor that came with it.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.loadchunk/>
    fn cf_loadchunk(self, key: impl ToArg, cursor: i64, chunk: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("CF.LOADCHUNK") }, key).with((cursor, chunk))
    }

    /// Whether each item is in a cuckoo filter: a `false` is certain.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.mexists/>
    fn cf_mexists(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyed(self, const { known("CF.MEXISTS") }, key).with(items)
    }

    /// Makes a cuckoo filter for so many items. Options are methods of the request:
    /// [`bucketsize`](CfReserveOptions), [`maxiterations`](CfReserveOptions),
    /// [`expansion`](CfReserveOptions).
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.reserve/>
    fn cf_reserve(self, key: impl ToArg, capacity: u64) -> Request<Self, (), CfReserveOptions> {
        keyed::<_, ()>(self, const { known("CF.RESERVE") }, key).with(capacity).marked()
    }

    /// A part of a cuckoo filter, and the cursor of the next one: begin with 0, and go on until it is 0.
    /// Since Bloom 1.0. <https://redis.io/docs/latest/commands/cf.scandump/>
    fn cf_scandump<T: FromReply>(self, key: impl ToArg, cursor: i64) -> Request<Self, (i64, Option<T>)> {
        keyed(self, const { known("CF.SCANDUMP") }, key).with(cursor)
    }

    /// Adds to the counts of items: pairs of item and number. The counts they have then, about.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.incrby/>
    fn cms_incrby(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, Vec<u64>> {
        keyed(self, const { known("CMS.INCRBY") }, key).with(pairs)
    }

    /// What a count-min sketch is made of.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.info/>
    fn cms_info(self, key: impl ToArg) -> Request<Self, CountMinInfo> {
        keyed(self, const { known("CMS.INFO") }, key)
    }

    /// Makes a count-min sketch of this size. A key that exists is the server's error.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.initbydim/>
    fn cms_initbydim(self, key: impl ToArg, width: u64, depth: u64) -> Request<Self, ()> {
        keyed(self, const { known("CMS.INITBYDIM") }, key).with((width, depth))
    }

    /// Makes a count-min sketch whose counts are too high by the part `error` of the sum of all counts at most, but for the
    /// part `probability` of the items: 0.001 and 0.01, say. A key that exists is the server's error.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.initbyprob/>
    fn cms_initbyprob(self, key: impl ToArg, error: f64, probability: f64) -> Request<Self, ()> {
        keyed(self, const { known("CMS.INITBYPROB") }, key).with((error, probability))
    }

    /// Makes the sum of sketches of one size, in a sketch that is there and has it too. [`weights`](CmsMergeOptions) is
    /// an option.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.merge/>
    fn cms_merge(self, to: impl ToArg, sources: impl ToArgs) -> Request<Self, (), CmsMergeOptions> {
        counted_keys(keyed::<_, ()>(self, const { known("CMS.MERGE") }, to), sources).marked()
    }

    /// The counts of items, about: never too low.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/cms.query/>
    fn cms_query(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<u64>> {
        keyed(self, const { known("CMS.QUERY") }, key).with(items)
    }

    /// Counts items once each. For each the item that it drove off the list, `None` if none.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.add/>
    fn topk_add<T: FromReply>(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<Option<T>>> {
        keyed(self, const { known("TOPK.ADD") }, key).with(items)
    }

    /// The counts of items, about: never too high.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.count/>
    /// Deprecated since 2.4: use [`topk_list`](Self::topk_list) with its counts.
    fn topk_count(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<u64>> {
        keyed(self, const { known("TOPK.COUNT") }, key).with(items)
    }

    /// Adds to the counts of items: pairs of item and number. For each the item that it drove off the list, `None` if
    /// none.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.incrby/>
    fn topk_incrby<T: FromReply>(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, Vec<Option<T>>> {
        keyed(self, const { known("TOPK.INCRBY") }, key).with(pairs)
    }

    /// What a top-k list is made of.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.info/>
    fn topk_info(self, key: impl ToArg) -> Request<Self, TopKInfo> {
        keyed(self, const { known("TOPK.INFO") }, key)
    }

    /// The items of the list, the most frequent first. [`withcount`](TopkListOptions) is an option.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.list/>
    fn topk_list<T: FromReply>(self, key: impl ToArg) -> Request<Self, Vec<T>, TopkListOptions> {
        keyed::<_, ()>(self, const { known("TOPK.LIST") }, key).marked()
    }

    /// Whether each item is on the list.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.query/>
    fn topk_query(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyed(self, const { known("TOPK.QUERY") }, key).with(items)
    }

    /// Makes a list of the `k` most frequent items. [`sized`](TopkReserveOptions) is an option. A key that exists is the
    /// server's error.
    /// Since Bloom 2.0. <https://redis.io/docs/latest/commands/topk.reserve/>
    fn topk_reserve(self, key: impl ToArg, k: u64) -> Request<Self, (), TopkReserveOptions> {
        keyed::<_, ()>(self, const { known("TOPK.RESERVE") }, key).with(k).marked()
    }

    /// Adds values to a t-digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.add/>
    fn tdigest_add(self, key: impl ToArg, values: impl ToArgs) -> Request<Self, ()> {
        keyed(self, const { known("TDIGEST.ADD") }, key).with(values)
    }

    /// The values of these ranks, about, 0 being that of the least; infinite beyond the last, NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.byrank/>
    fn tdigest_byrank(self, key: impl ToArg, ranks: impl ToArgs) -> Request<Self, Vec<f64>> {
        keyed(self, const { known("TDIGEST.BYRANK") }, key).with(ranks)
    }

    /// The values of these ranks, about, 0 being that of the greatest; negative infinity beyond the last, NaN of an empty
    /// digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.byrevrank/>
    fn tdigest_byrevrank(self, key: impl ToArg, ranks: impl ToArgs) -> Request<Self, Vec<f64>> {
        keyed(self, const { known("TDIGEST.BYREVRANK") }, key).with(ranks)
    }

    /// For each of these values, which part of all values is smaller, and half of the part that is equal, about: 0.9 is
    /// nine of ten. NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.cdf/>
    fn tdigest_cdf(self, key: impl ToArg, values: impl ToArgs) -> Request<Self, Vec<f64>> {
        keyed(self, const { known("TDIGEST.CDF") }, key).with(values)
    }

    /// Makes a t-digest. [`compression`](TdigestCreateOptions) is an option. A key that exists is the server's error.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.create/>
    fn tdigest_create(self, key: impl ToArg) -> Request<Self, (), TdigestCreateOptions> {
        keyed::<_, ()>(self, const { known("TDIGEST.CREATE") }, key).marked()
    }

    /// What a t-digest is made of.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.info/>
    fn tdigest_info(self, key: impl ToArg) -> Request<Self, TDigestInfo> {
        keyed(self, const { known("TDIGEST.INFO") }, key)
    }

    /// The greatest value; NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.max/>
    fn tdigest_max(self, key: impl ToArg) -> Request<Self, f64> {
        keyed(self, const { known("TDIGEST.MAX") }, key)
    }

    /// Adds the values of other digests to one, which is made if there is none. Options are methods of the request:
    /// [`compression`](TdigestMergeOptions), [`overriding`](TdigestMergeOptions).
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.merge/>
    fn tdigest_merge(self, to: impl ToArg, sources: impl ToArgs) -> Request<Self, (), TdigestMergeOptions> {
        counted_keys(keyed::<_, ()>(self, const { known("TDIGEST.MERGE") }, to), sources).marked()
    }

    /// The least value; NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.min/>
    fn tdigest_min(self, key: impl ToArg) -> Request<Self, f64> {
        keyed(self, const { known("TDIGEST.MIN") }, key)
    }

    /// The values below which these parts of all values are, about: 0.5 is the median. NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.quantile/>
    fn tdigest_quantile(self, key: impl ToArg, fractions: impl ToArgs) -> Request<Self, Vec<f64>> {
        keyed(self, const { known("TDIGEST.QUANTILE") }, key).with(fractions)
    }

    /// The ranks of these values, about: how many are smaller, and half of those that are equal. -1 below all of them, -2
    /// of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.rank/>
    fn tdigest_rank(self, key: impl ToArg, values: impl ToArgs) -> Request<Self, Vec<i64>> {
        keyed(self, const { known("TDIGEST.RANK") }, key).with(values)
    }

    /// Removes all values.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.reset/>
    fn tdigest_reset(self, key: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("TDIGEST.RESET") }, key)
    }

    /// The ranks of these values from the greatest, about: how many are greater, and half of those that are equal. -1
    /// above all of them, -2 of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.revrank/>
    fn tdigest_revrank(self, key: impl ToArg, values: impl ToArgs) -> Request<Self, Vec<i64>> {
        keyed(self, const { known("TDIGEST.REVRANK") }, key).with(values)
    }

    /// The mean of the values between these parts of all values, about: of 0.1 and 0.9 without the least and the greatest
    /// tenth. NaN of an empty digest.
    /// Since Bloom 2.4. <https://redis.io/docs/latest/commands/tdigest.trimmed_mean/>
    fn tdigest_trimmed_mean(self, key: impl ToArg, low: f64, high: f64) -> Request<Self, f64> {
        keyed(self, const { known("TDIGEST.TRIMMED_MEAN") }, key).with((low, high))
    }
}

impl<E: Executor> Probabilistic for E {}

/// 1 or `true` for what was added, 0, -1 or `false` for what was not.
fn added(reply: Reply<'_>) -> Result<Vec<bool>, ConversionError> {
    let answers = Vec::<i64>::from_reply(reply)?;
    Ok(answers.into_iter().map(|answer| answer > 0).collect())
}

/// Marks a request of [`Probabilistic::bf_insert`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+BfInsertOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BfInsertOptions;

/// Options of [`Probabilistic::bf_insert`], for a filter that is not there yet.
impl<E, T> Request<E, T, BfInsertOptions> {
    /// It is for so many items.
    pub fn capacity(self, items: u64) -> Self {
        self.insert(2, ("CAPACITY", items))
    }

    /// So many items are wrongly held for added: 0.001 is one of a thousand.
    pub fn error(self, rate: f64) -> Self {
        self.insert(2, ("ERROR", rate))
    }

    /// When it is full, one of so many times its size is added. Default: 2.
    pub fn expansion(self, times: u64) -> Self {
        self.insert(2, ("EXPANSION", times))
    }

    /// It is not made: the server's error instead.
    pub fn nocreate(self) -> Self {
        self.insert(2, "NOCREATE")
    }

    /// It does not grow: when it is full, items are the server's errors.
    pub fn nonscaling(self) -> Self {
        self.insert(2, "NONSCALING")
    }
}

/// Marks a request of [`Probabilistic::bf_reserve`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+BfReserveOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BfReserveOptions;

/// Options of [`Probabilistic::bf_reserve`].
impl<E, T> Request<E, T, BfReserveOptions> {
    /// When it is full, one of so many times its size is added. Default: 2.
    pub fn expansion(self, times: u64) -> Self {
        self.with(("EXPANSION", times))
    }

    /// It does not grow: when it is full, items are the server's errors.
    pub fn nonscaling(self) -> Self {
        self.with("NONSCALING")
    }
}

/// Marks a request of [`Probabilistic::cf_insert`] or [`Probabilistic::cf_insertnx`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+CfInsertOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct CfInsertOptions;

/// Options of [`Probabilistic::cf_insert`] and [`Probabilistic::cf_insertnx`], for a filter that is not there yet.
impl<E, T> Request<E, T, CfInsertOptions> {
    /// It is for so many items. Default: 1024.
    pub fn capacity(self, items: u64) -> Self {
        self.insert(2, ("CAPACITY", items))
    }

    /// It is not made: the server's error instead.
    pub fn nocreate(self) -> Self {
        self.insert(2, "NOCREATE")
    }
}

/// Marks a request of [`Probabilistic::cf_reserve`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+CfReserveOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct CfReserveOptions;

/// Options of [`Probabilistic::cf_reserve`].
impl<E, T> Request<E, T, CfReserveOptions> {
    /// How many items a bucket has. Default: 2. More fills it better, and finds more that is not there.
    pub fn bucketsize(self, items: u64) -> Self {
        self.with(("BUCKETSIZE", items))
    }

    /// How often items are moved to make room before the filter is held for full. Default: 20.
    pub fn maxiterations(self, times: u64) -> Self {
        self.with(("MAXITERATIONS", times))
    }

    /// When it is full, one of so many times its size is added; of 0, none. Default: 1.
    pub fn expansion(self, times: u64) -> Self {
        self.with(("EXPANSION", times))
    }
}

/// Marks a request of [`Probabilistic::cms_merge`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+CmsMergeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct CmsMergeOptions;

/// Options of [`Probabilistic::cms_merge`].
impl<E, T> Request<E, T, CmsMergeOptions> {
    /// By what each source is multiplied, in their order. Default: 1.
    pub fn weights(self, weights: impl ToArgs) -> Self {
        some_after(self, "WEIGHTS", weights)
    }
}

/// Marks a request of [`Probabilistic::topk_list`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+TopkListOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct TopkListOptions;

/// Options of [`Probabilistic::topk_list`].
impl<E, T: FromReply> Request<E, Vec<T>, TopkListOptions> {
    /// Answers each item with its count.
    pub fn withcount(self) -> Request<E, Vec<(T, u64)>> {
        self.with("WITHCOUNT").marked()
    }
}

/// Marks a request of [`Probabilistic::topk_reserve`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+TopkReserveOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct TopkReserveOptions;

/// Options of [`Probabilistic::topk_reserve`].
impl<E, T> Request<E, T, TopkReserveOptions> {
    /// Counters in each row, rows, and by how much a counter decays, from 0 to 1. Default: 8, 7, 0.9.
    pub fn sized(self, width: u64, depth: u64, decay: f64) -> Self {
        self.with((width, depth, decay))
    }
}

/// Marks a request of [`Probabilistic::tdigest_create`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+TdigestCreateOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct TdigestCreateOptions;

/// Options of [`Probabilistic::tdigest_create`].
impl<E, T> Request<E, T, TdigestCreateOptions> {
    /// How exact it is. Default: 100. More is more exact, and takes memory.
    pub fn compression(self, compression: u64) -> Self {
        self.with(("COMPRESSION", compression))
    }
}

/// Marks a request of [`Probabilistic::tdigest_merge`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+TdigestMergeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct TdigestMergeOptions;

/// Options of [`Probabilistic::tdigest_merge`].
impl<E, T> Request<E, T, TdigestMergeOptions> {
    /// How exact the result is. Default: as the most exact one of all.
    pub fn compression(self, compression: u64) -> Self {
        self.with(("COMPRESSION", compression))
    }

    /// The values that the digest has are dropped first (`OVERRIDE`).
    pub fn overriding(self) -> Self {
        self.with("OVERRIDE")
    }
}

/// What [`Probabilistic::bf_info`] says of a Bloom filter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BloomInfo {
    /// For how many items it has room before it grows.
    pub capacity: u64,
    /// Its memory in bytes.
    pub size: u64,
    /// How many filters it has become by growing.
    pub filters: u64,
    /// How many different items were added, about.
    pub items: u64,
    /// How many times larger the next filter is; `None` if it does not grow.
    pub expansion: Option<u64>,
}

impl FromReply for BloomInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            capacity: fields.required("Capacity")?,
            size: fields.required("Size")?,
            filters: fields.required("Number of filters")?,
            items: fields.required("Number of items inserted")?,
            expansion: fields.optional("Expansion rate")?,
        })
    }
}

/// What [`Probabilistic::cf_info`] says of a cuckoo filter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CuckooInfo {
    /// Its memory in bytes.
    pub size: u64,
    /// How many buckets it has.
    pub buckets: u64,
    /// How many filters it has become by growing.
    pub filters: u64,
    /// How many items were added.
    pub inserted: u64,
    /// How many were removed.
    pub deleted: u64,
    /// How many items a bucket has.
    pub bucket_size: u64,
    /// How many times larger the next filter is.
    pub expansion: u64,
    /// How often items are moved to make room.
    pub max_iterations: u64,
}

impl FromReply for CuckooInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            size: fields.required("Size")?,
            buckets: fields.required("Number of buckets")?,
            filters: either(&fields, "Number of filters", "Number of filter")?,
            inserted: fields.required("Number of items inserted")?,
            deleted: fields.required("Number of items deleted")?,
            bucket_size: fields.required("Bucket size")?,
            expansion: fields.required("Expansion rate")?,
            max_iterations: either(&fields, "Max iterations", "Max iteration")?,
        })
    }
}

/// A value whose name lost or gained an `s` between versions.
fn either(fields: &Fields<'_>, name: &'static str, other: &'static str) -> Result<u64, ConversionError> {
    fields.optional(other)?.map_or_else(|| fields.required(name), Ok)
}

/// What [`Probabilistic::cms_info`] says of a count-min sketch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CountMinInfo {
    /// Counters in each row.
    pub width: u64,
    /// Rows.
    pub depth: u64,
    /// The sum of all counts.
    pub count: u64,
}

impl FromReply for CountMinInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            width: fields.required("width")?,
            depth: fields.required("depth")?,
            count: fields.required("count")?,
        })
    }
}

/// What [`Probabilistic::topk_info`] says of a top-k list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TopKInfo {
    /// How many items it has at most.
    pub k: u64,
    /// Counters in each row.
    pub width: u64,
    /// Rows.
    pub depth: u64,
    /// By how much a counter decays, from 0 to 1.
    pub decay: f64,
}

impl FromReply for TopKInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        let (width, depth) = (fields.required("width")?, fields.required("depth")?);
        Ok(Self { k: fields.required("k")?, width, depth, decay: fields.required("decay")? })
    }
}

/// What [`Probabilistic::tdigest_info`] says of a t-digest.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TDigestInfo {
    /// How exact it is.
    pub compression: u64,
    /// For how many nodes it has room.
    pub capacity: u64,
    /// How many values were added.
    pub observations: u64,
    /// Nodes that are merged already.
    pub merged_nodes: u64,
    /// Nodes that are not.
    pub unmerged_nodes: u64,
    /// Its memory in bytes.
    pub memory: u64,
}

impl FromReply for TDigestInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            compression: fields.required("Compression")?,
            capacity: fields.required("Capacity")?,
            observations: fields.required("Observations")?,
            merged_nodes: fields.required("Merged nodes")?,
            unmerged_nodes: fields.required("Unmerged nodes")?,
            memory: fields.required("Memory usage")?,
        })
    }
}
