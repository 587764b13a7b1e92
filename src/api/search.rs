//! Search: <https://redis.io/docs/latest/commands/?group=search>.

use std::time::Duration;

use super::{at_least_one, keyed, keyless, known, milliseconds};
use crate::command::{Args, ConversionError, Effect, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs, View};

/// Commands on indexes over hashes and JSON documents, of the module `RediSearch`, of Redis 8; the first ones also of
/// `valkey-search`.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::collections::HashMap;
/// use steadfast::api::{SchemaField, Search, SearchResults};
///
/// let schema = [SchemaField::text("title").weight(2.0), SchemaField::numeric("price").sortable()];
/// client.ft_create("books", schema).prefixes(["book:"]).await?;
/// let found: SearchResults<HashMap<String, String>> =
///     client.ft_search("books", "rust @price:[0 30]").sortby("price").limit(0, 20).await?;
/// for book in found.documents {
///     println!("{}: {:?}", book.id, book.fields);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Search: Executor {
    /// Runs a query and a pipeline of steps over what it finds. The rows that come out, each a map of `T`. The steps
    /// are methods of the request, and are taken in their order: [`load`](FtAggregateOptions),
    /// [`load_all`](FtAggregateOptions), [`groupby`](FtAggregateOptions), [`reduce`](FtAggregateOptions),
    /// [`apply`](FtAggregateOptions), [`sortby`](FtAggregateOptions), [`filter`](FtAggregateOptions),
    /// [`limit`](FtAggregateOptions). Options are [`verbatim`](FtAggregateOptions), [`timeout`](FtAggregateOptions),
    /// [`params`](FtAggregateOptions), [`dialect`](FtAggregateOptions).
    /// Since Search 1.1. <https://redis.io/docs/latest/commands/ft.aggregate/>
    fn ft_aggregate<T: FromReply>(
        self,
        index: impl ToArg,
        query: impl ToArg,
    ) -> Request<Self, AggregateResults<T>, FtAggregateOptions> {
        keyless::<_, ()>(self, const { known("FT.AGGREGATE") }).with((index, query)).marked()
    }

    /// Gives an index another name beside its own; one that is taken is the server's error.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.aliasadd/>
    fn ft_aliasadd(self, alias: impl ToArg, index: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("FT.ALIASADD") }).with((alias, index))
    }

    /// Takes a name away from an index.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.aliasdel/>
    fn ft_aliasdel(self, alias: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("FT.ALIASDEL") }).with(alias)
    }

    /// Gives an index another name beside its own, taking it away from the one that has it.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.aliasupdate/>
    fn ft_aliasupdate(self, alias: impl ToArg, index: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("FT.ALIASUPDATE") }).with((alias, index))
    }

    /// Adds fields to an index: [`SchemaField`]s, one or several.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.alter/>
    fn ft_alter(self, index: impl ToArg, fields: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("FT.ALTER") }).with((index, "SCHEMA", "ADD")).with(fields)
    }

    /// Makes an index of these fields, [`SchemaField`]s, over the hashes that there are and will be. Options are methods of
    /// the request: [`on_json`](FtCreateOptions), [`prefixes`](FtCreateOptions), [`filter`](FtCreateOptions),
    /// [`language`](FtCreateOptions), [`stopwords`](FtCreateOptions),
    /// [`skipinitialscan`](FtCreateOptions).
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.create/>
    fn ft_create(self, index: impl ToArg, fields: impl ToArgs) -> Request<Self, (), FtCreateOptions> {
        at_least_one(3, keyless::<_, ()>(self, const { known("FT.CREATE") }).with((index, "SCHEMA", fields))).marked()
    }

    /// Adds terms to a dictionary. How many of them are new.
    /// Since Search 1.4. <https://redis.io/docs/latest/commands/ft.dictadd/>
    fn ft_dictadd(self, dictionary: impl ToArg, terms: impl ToArgs) -> Request<Self, u64> {
        keyless(self, const { known("FT.DICTADD") }).with(dictionary).with(terms)
    }

    /// Removes terms from a dictionary. How many of them were there.
    /// Since Search 1.4. <https://redis.io/docs/latest/commands/ft.dictdel/>
    fn ft_dictdel(self, dictionary: impl ToArg, terms: impl ToArgs) -> Request<Self, u64> {
        keyless(self, const { known("FT.DICTDEL") }).with(dictionary).with(terms)
    }

    /// All terms of a dictionary.
    /// Since Search 1.4. <https://redis.io/docs/latest/commands/ft.dictdump/>
    fn ft_dictdump<T: FromReply>(self, dictionary: impl ToArg) -> Request<Self, Vec<T>> {
        keyless(self, const { known("FT.DICTDUMP") }).with(dictionary)
    }

    /// Removes an index. The documents stay, unless [`dd`](FtDropindexOptions) is said.
    /// Since Search 2.0. <https://redis.io/docs/latest/commands/ft.dropindex/>
    fn ft_dropindex(self, index: impl ToArg) -> Request<Self, (), FtDropindexOptions> {
        keyless::<_, ()>(self, const { known("FT.DROPINDEX") }).with(index).marked()
    }

    /// How the server understands a query, for people. [`dialect`](FtExplainOptions) is an option.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.explain/>
    fn ft_explain(self, index: impl ToArg, query: impl ToArg) -> Request<Self, String, FtExplainOptions> {
        keyless::<_, ()>(self, const { known("FT.EXPLAIN") }).with((index, query)).marked()
    }

    /// What an index holds. For everything that the server says of it, use `answer_as` with a map.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.info/>
    fn ft_info(self, index: impl ToArg) -> Request<Self, IndexInfo> {
        keyless(self, const { known("FT.INFO") }).with(index)
    }

    /// The names of all indexes.
    /// Since Search 2.0. <https://redis.io/docs/latest/commands/ft._list/>
    fn ft_list(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("FT._LIST") })
    }

    /// The documents that a query finds, the best ones first, ten of them unless [`limit`](FtSearchOptions) says so, with
    /// their fields as `T`, any map. Options are methods of the request: [`nocontent`](FtSearchOptions),
    /// [`withscores`](FtSearchOptions), [`return_fields`](FtSearchOptions), [`sortby`](FtSearchOptions),
    /// [`sortby_desc`](FtSearchOptions), [`limit`](FtSearchOptions), [`params`](FtSearchOptions),
    /// [`dialect`](FtSearchOptions), [`inkeys`](FtSearchOptions), [`infields`](FtSearchOptions),
    /// [`verbatim`](FtSearchOptions), [`slop`](FtSearchOptions), [`inorder`](FtSearchOptions),
    /// [`language`](FtSearchOptions), [`scorer`](FtSearchOptions), [`highlight`](FtSearchOptions),
    /// [`summarize`](FtSearchOptions), [`timeout`](FtSearchOptions).
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.search/>
    fn ft_search<T: FromReply>(
        self,
        index: impl ToArg,
        query: impl ToArg,
    ) -> Request<Self, SearchResults<T>, FtSearchOptions<Documents>> {
        let request = keyless::<_, ()>(self, const { known("FT.SEARCH") }).with((index, query));
        request.read_by(SearchResults::read::<Documents>)
    }

    /// Adds a suggestion, or gives it another score. How many there are then. [`incr`](FtSugaddOptions) is an option.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.sugadd/>
    fn ft_sugadd(self, key: impl ToArg, text: impl ToArg, score: f64) -> Request<Self, u64, FtSugaddOptions> {
        keyed::<_, ()>(self, const { known("FT.SUGADD") }, key).with((text, score)).marked()
    }

    /// Removes a suggestion. Whether it was there.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.sugdel/>
    fn ft_sugdel(self, key: impl ToArg, text: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("FT.SUGDEL") }, key).with(text)
    }

    /// The suggestions that begin like this, the best ones first, five at most unless [`max`](FtSuggetOptions) says so.
    /// Empty if there is no such key. Options are [`fuzzy`](FtSuggetOptions), [`max`](FtSuggetOptions) and
    /// [`withscores`](FtSuggetOptions).
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.sugget/>
    fn ft_sugget<T: FromReply>(self, key: impl ToArg, prefix: impl ToArg) -> Request<Self, Vec<T>, FtSuggetOptions> {
        keyed::<_, ()>(self, const { known("FT.SUGGET") }, key).with(prefix).read_by(or_empty)
    }

    /// How many suggestions there are.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.suglen/>
    fn ft_suglen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("FT.SUGLEN") }, key)
    }

    /// All terms that have synonyms, with the groups they are in: a map of lists.
    /// Since Search 1.2. <https://redis.io/docs/latest/commands/ft.syndump/>
    fn ft_syndump<T: FromReply>(self, index: impl ToArg) -> Request<Self, T> {
        keyless(self, const { known("FT.SYNDUMP") }).with(index)
    }

    /// Adds terms to a group of synonyms.
    /// Since Search 1.2. <https://redis.io/docs/latest/commands/ft.synupdate/>
    fn ft_synupdate(self, index: impl ToArg, group: impl ToArg, terms: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("FT.SYNUPDATE") }).with((index, group)).with(terms)
    }

    /// All values of a tag field, in any order.
    /// Since Search 1.0. <https://redis.io/docs/latest/commands/ft.tagvals/>
    fn ft_tagvals<T: FromReply>(self, index: impl ToArg, field: impl ToArg) -> Request<Self, Vec<T>> {
        keyless(self, const { known("FT.TAGVALS") }).with((index, field))
    }
}

impl<E: Executor> Search for E {}

/// What [`Search::ft_search`] finds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SearchResults<T> {
    /// How many documents the query finds, with those that are not here.
    pub total: u64,
    /// Those that are within the limit.
    pub documents: Vec<Document<T>>,
    /// What the server says beside: of a time-out, say. Only RESP3 has it.
    pub warnings: Vec<String>,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Document<T> {
    /// Its key.
    pub id: String,
    /// How well it fits; with [`withscores`](FtSearchOptions).
    pub score: Option<f64>,
    /// Its fields; `None` with [`nocontent`](FtSearchOptions), and if it was deleted meanwhile.
    pub fields: Option<T>,
}

/// What [`Search::ft_aggregate`] answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AggregateResults<T> {
    /// What the server counted on the way: no number of rows, nor of documents.
    pub total: u64,
    /// The rows.
    pub rows: Vec<T>,
    /// What the server says beside: of a time-out, say. Only RESP3 has it.
    pub warnings: Vec<String>,
}

/// What RESP2 has beside a document's key, by the options that were said.
pub trait AnswerShape: sealed::Sealed {
    /// Whether there is a score.
    #[doc(hidden)]
    const SCORES: bool;
    /// Whether there are fields.
    #[doc(hidden)]
    const FIELDS: bool;
}

mod sealed {
    pub trait Sealed {}
}

/// Marks an answer of documents with their fields; [options] change what it has.
///
/// [options]: Request#impl-Request%3CE,+SearchResults%3CT%3E,+FtSearchOptions%3CDocuments%3E%3E
#[derive(Clone, Copy, Debug)]
pub struct Documents;

/// Marks an answer of documents with scores and fields; an [option] leaves the fields out.
///
/// [option]: Request#impl-Request%3CE,+SearchResults%3CT%3E,+FtSearchOptions%3CScoredDocuments%3E%3E
#[derive(Clone, Copy, Debug)]
pub struct ScoredDocuments;

/// Marks an answer of keys; an [option] adds the scores.
///
/// [option]: Request#impl-Request%3CE,+SearchResults%3CT%3E,+FtSearchOptions%3CDocumentIds%3E%3E
#[derive(Clone, Copy, Debug)]
pub struct DocumentIds;

/// Marks an answer of keys with scores.
#[derive(Clone, Copy, Debug)]
pub struct ScoredIds;

macro_rules! shapes {
    ($($mark:ty, $scores:literal, $fields:literal;)*) => {$(
        impl sealed::Sealed for $mark {}

        impl AnswerShape for $mark {
            const SCORES: bool = $scores;
            const FIELDS: bool = $fields;
        }
    )*};
}

shapes! {
    Documents, false, true;
    ScoredDocuments, true, true;
    DocumentIds, false, false;
    ScoredIds, true, false;
}

impl<T: FromReply> SearchResults<T> {
    fn read<S: AnswerShape>(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Map(_) => {
                let (total, documents, warnings) = by_name(reply, Document::from_pairs)?;
                Ok(Self { total, documents, warnings })
            }
            View::Array(mut items) => {
                let total = items.next().map(u64::from_reply).transpose()?.unwrap_or_default();
                let mut documents = Vec::new();
                while let Some(id) = items.next() {
                    let mut next = |wanted: bool| match wanted {
                        true => items.next().map(Some).ok_or_else(short),
                        false => Ok(None),
                    };
                    let (score, fields) = (next(S::SCORES)?, next(S::FIELDS)?);
                    let score = score.map(f64::from_reply).transpose()?;
                    let fields = fields.map(Option::from_reply).transpose()?.flatten();
                    documents.push(Document { id: String::from_reply(id)?, score, fields });
                }
                Ok(Self { total, documents, warnings: Vec::new() })
            }
            _ => Err(ConversionError::unexpected("documents", reply)),
        }
    }
}

fn short() -> ConversionError {
    ConversionError::new("a score or the fields of each document", "fewer items")
}

impl<T: FromReply> Document<T> {
    /// Of the map that RESP3 has.
    fn from_pairs(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut document = Self { id: String::new(), score: None, fields: None };
        let View::Map(pairs) = reply.view()? else {
            return Err(ConversionError::unexpected("a document", reply));
        };
        for (name, value) in pairs {
            match name.bytes() {
                Some(b"id") => document.id = String::from_reply(value)?,
                Some(b"score") => document.score = Some(f64::from_reply(value)?),
                Some(b"extra_attributes") => document.fields = Option::from_reply(value)?,
                _ => {}
            }
        }
        Ok(document)
    }
}

impl<T: FromReply> FromReply for AggregateResults<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Map(_) => {
                let (total, rows, warnings) = by_name(reply, row)?;
                Ok(Self { total, rows, warnings })
            }
            View::Array(mut items) => {
                let total = items.next().map(u64::from_reply).transpose()?.unwrap_or_default();
                let rows = items.map(T::from_reply).collect::<Result<_, _>>()?;
                Ok(Self { total, rows, warnings: Vec::new() })
            }
            _ => Err(ConversionError::unexpected("rows", reply)),
        }
    }
}

/// A row in the map that RESP3 has around it.
fn row<T: FromReply>(reply: Reply<'_>) -> Result<T, ConversionError> {
    let View::Map(pairs) = reply.view()? else {
        return Err(ConversionError::unexpected("a row", reply));
    };
    let mut fields = pairs.filter(|(name, _)| name.bytes() == Some(b"extra_attributes"));
    let (_, fields) = fields.next().ok_or_else(|| ConversionError::new("a row", "a map without its fields"))?;
    T::from_reply(fields)
}

/// The total, the results and the warnings of the map that RESP3 has.
fn by_name<T>(
    reply: Reply<'_>,
    read: fn(Reply<'_>) -> Result<T, ConversionError>,
) -> Result<(u64, Vec<T>, Vec<String>), ConversionError> {
    let (mut total, mut results, mut warnings) = (0, Vec::new(), Vec::new());
    let View::Map(pairs) = reply.view()? else {
        return Err(ConversionError::unexpected("a map of results", reply));
    };
    for (name, value) in pairs {
        match (name.bytes(), value.view()?) {
            (Some(b"total_results"), _) => total = u64::from_reply(value)?,
            (Some(b"results"), View::Array(items)) => results = items.map(read).collect::<Result<_, _>>()?,
            (Some(b"warning"), _) => warnings = Vec::from_reply(value)?,
            _ => {}
        }
    }
    Ok((total, results, warnings))
}

/// A list, empty of null.
fn or_empty<T: FromReply>(reply: Reply<'_>) -> Result<Vec<T>, ConversionError> {
    Ok(Option::from_reply(reply)?.unwrap_or_default())
}

/// What [`Search::ft_info`] says of an index.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// How many documents it has.
    pub documents: u64,
    /// How many different terms.
    pub terms: Option<u64>,
    /// How many records.
    pub records: Option<u64>,
    /// Whether it is still being made.
    pub indexing: bool,
    /// Which part of it is made, from 0 to 1.
    pub percent_indexed: Option<f64>,
    /// How many documents could not be indexed.
    pub failures: Option<u64>,
}

impl FromReply for IndexInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("index_name")?,
            documents: fields.required("num_docs")?,
            terms: fields.optional("num_terms")?,
            records: fields.optional("num_records")?,
            indexing: fields.optional::<u64>("indexing")?.is_some_and(|indexing| indexing != 0),
            percent_indexed: fields.optional("percent_indexed")?,
            failures: fields.optional("hash_indexing_failures")?,
        })
    }
}

/// A field of an index.
///
/// ```
/// use steadfast::api::{VectorDistance, SchemaField, VectorIndex};
///
/// let schema = [
///     SchemaField::text("$.title").alias("title").weight(2.0),
///     SchemaField::tag("$.tags[*]").alias("tags"),
///     SchemaField::vector("$.vector", VectorIndex::hnsw(384, VectorDistance::Cosine)).alias("vector"),
/// ];
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaField {
    name: String,
    alias: Option<String>,
    /// The type, and what is said of it.
    words: Vec<String>,
}

impl SchemaField {
    /// A field of a hash, or a path of a JSON document, of text.
    pub fn text(name: impl Into<String>) -> Self {
        Self::of(name, "TEXT")
    }

    /// Of tags: text that is searched as a whole, several of them with [`separator`](Self::separator) between.
    pub fn tag(name: impl Into<String>) -> Self {
        Self::of(name, "TAG")
    }

    /// Of numbers.
    pub fn numeric(name: impl Into<String>) -> Self {
        Self::of(name, "NUMERIC")
    }

    /// Of places, as longitude and latitude.
    pub fn geo(name: impl Into<String>) -> Self {
        Self::of(name, "GEO")
    }

    /// Of shapes, as WKT.
    pub fn geoshape(name: impl Into<String>) -> Self {
        Self::of(name, "GEOSHAPE")
    }

    /// Of vectors.
    pub fn vector(name: impl Into<String>, index: VectorIndex) -> Self {
        let VectorIndex { algorithm, attributes } = index;
        let field = Self::of(name, "VECTOR").with(algorithm).with(attributes.len());
        attributes.into_iter().fold(field, Self::with)
    }

    /// Its name in queries and answers (`AS`). Default: the field's, or the path.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.alias = Some(name.into());
        self
    }

    /// It can be sorted by quickly; takes memory.
    pub fn sortable(self) -> Self {
        self.with("SORTABLE")
    }

    /// It is not searched, only sorted by and answered.
    pub fn noindex(self) -> Self {
        self.with("NOINDEX")
    }

    /// Of text: how much it counts. Default: 1.
    pub fn weight(self, weight: f64) -> Self {
        self.with("WEIGHT").with(weight)
    }

    /// Of text: words are searched as they are, not by their stems.
    pub fn nostem(self) -> Self {
        self.with("NOSTEM")
    }

    /// Of tags: what stands between them. Default: a comma, in hashes.
    pub fn separator(self, separator: char) -> Self {
        self.with("SEPARATOR").with(separator)
    }

    /// Of tags: large and small letters differ.
    pub fn casesensitive(self) -> Self {
        self.with("CASESENSITIVE")
    }

    /// Of text and tags: quick search for endings and parts; takes memory.
    pub fn withsuffixtrie(self) -> Self {
        self.with("WITHSUFFIXTRIE")
    }

    /// Documents without it can be searched for. Since Search 2.10.
    pub fn indexmissing(self) -> Self {
        self.with("INDEXMISSING")
    }

    /// Of text and tags: documents in which it is empty can be searched for. Since Search 2.10.
    pub fn indexempty(self) -> Self {
        self.with("INDEXEMPTY")
    }

    fn of(name: impl Into<String>, kind: &str) -> Self {
        Self { name: name.into(), alias: None, words: vec![kind.to_owned()] }
    }

    fn with(mut self, word: impl ToString) -> Self {
        self.words.push(word.to_string());
        self
    }
}

impl ToArgs for SchemaField {
    fn write_args(&self, args: &mut Args<'_>) {
        self.name.write_args(args);
        self.alias.as_ref().map(|alias| ("AS", alias)).write_args(args);
        self.words.write_args(args);
    }
}

/// How vectors are indexed.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorIndex {
    algorithm: &'static str,
    /// Names and values in turn.
    attributes: Vec<String>,
}

impl VectorIndex {
    /// Every vector is compared: exact.
    pub fn flat(dimensions: u32, distance: VectorDistance) -> Self {
        Self::of("FLAT", dimensions, distance)
    }

    /// By a graph: fast, and about right.
    pub fn hnsw(dimensions: u32, distance: VectorDistance) -> Self {
        Self::of("HNSW", dimensions, distance)
    }

    /// Sets an attribute of the algorithm: `M`, `EF_CONSTRUCTION`, `EF_RUNTIME`, `INITIAL_CAP`, ..., or `TYPE`, which is
    /// `FLOAT32` otherwise.
    pub fn attribute(mut self, name: &str, value: impl ToString) -> Self {
        match self.attributes.iter().step_by(2).position(|known| known == name) {
            Some(place) => self.attributes[place * 2 + 1] = value.to_string(),
            None => self.attributes.extend([name.to_owned(), value.to_string()]),
        }
        self
    }

    fn of(algorithm: &'static str, dimensions: u32, distance: VectorDistance) -> Self {
        let metric = match distance {
            VectorDistance::Euclidean => "L2",
            VectorDistance::InnerProduct => "IP",
            VectorDistance::Cosine => "COSINE",
        };
        let index = Self { algorithm, attributes: Vec::new() };
        index.attribute("TYPE", "FLOAT32").attribute("DIM", dimensions).attribute("DISTANCE_METRIC", metric)
    }
}

/// How the distance of vectors is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VectorDistance {
    /// `L2`.
    Euclidean,
    /// `IP`.
    InnerProduct,
    /// `COSINE`.
    Cosine,
}

/// Adds arguments, with a word and their number before them.
fn counted<E, T, O>(request: Request<E, T, O>, word: &str, arguments: impl ToArgs) -> Request<E, T, O> {
    let request = request.with(word);
    let from = request.command.len();
    let mut request = request.with(arguments);
    request.command.count_from(from, 1);
    request
}

/// Marks a request of [`Search::ft_create`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FtCreateOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtCreateOptions;

/// Options of [`Search::ft_create`].
impl<E, T> Request<E, T, FtCreateOptions> {
    /// Over JSON documents, instead of hashes.
    pub fn on_json(self) -> Self {
        self.insert(2, ("ON", "JSON"))
    }

    /// Only over keys that begin with one of these. Default: all.
    pub fn prefixes(self, prefixes: impl ToArgs) -> Self {
        let before = self.command().len();
        let request = self.insert(2, prefixes);
        let count = request.command().len() - before;
        request.insert(2, ("PREFIX", count))
    }

    /// Only over documents of which this expression is true.
    pub fn filter(self, expression: impl ToArg) -> Self {
        self.insert(2, ("FILTER", expression))
    }

    /// The language of the text. Default: English.
    pub fn language(self, language: impl ToArg) -> Self {
        self.insert(2, ("LANGUAGE", language))
    }

    /// Words that are not indexed, instead of the usual ones; of none, all words are indexed.
    pub fn stopwords(self, words: impl ToArgs) -> Self {
        let before = self.command().len();
        let request = self.insert(2, words);
        let count = request.command().len() - before;
        request.insert(2, ("STOPWORDS", count))
    }

    /// Documents that are there already are not indexed.
    pub fn skipinitialscan(self) -> Self {
        self.insert(2, "SKIPINITIALSCAN")
    }
}

/// Marks a request of [`Search::ft_dropindex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FtDropindexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtDropindexOptions;

/// Options of [`Search::ft_dropindex`].
impl<E, T> Request<E, T, FtDropindexOptions> {
    /// The documents are deleted too.
    pub fn dd(self) -> Self {
        self.with("DD")
    }
}

/// Marks a request of [`Search::ft_explain`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FtExplainOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtExplainOptions;

/// Options of [`Search::ft_explain`].
impl<E, T> Request<E, T, FtExplainOptions> {
    /// The query's dialect.
    pub fn dialect(self, dialect: u32) -> Self {
        self.with(("DIALECT", dialect))
    }
}

/// Marks a request of [`Search::ft_sugadd`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FtSugaddOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtSugaddOptions;

/// Options of [`Search::ft_sugadd`].
impl<E, T> Request<E, T, FtSugaddOptions> {
    /// Adds to the score that it has.
    pub fn incr(self) -> Self {
        self.with("INCR").does(Effect::Accumulating)
    }
}

/// Marks a request of [`Search::ft_sugget`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+FtSuggetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtSuggetOptions;

/// Options of [`Search::ft_sugget`].
impl<E, T: FromReply> Request<E, Vec<T>, FtSuggetOptions> {
    /// Also those that begin nearly like this.
    pub fn fuzzy(self) -> Self {
        self.with("FUZZY")
    }

    /// So many at most. Default: 5.
    pub fn max(self, count: u64) -> Self {
        self.with(("MAX", count))
    }

    /// Answers each with its score. Say it last.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>> {
        self.with("WITHSCORES").read_by(or_empty_pairs)
    }
}

/// Pairs, none of null.
fn or_empty_pairs<T: FromReply>(reply: Reply<'_>) -> Result<Vec<(T, f64)>, ConversionError> {
    Ok(Option::<Vec<(T, f64)>>::from_reply(reply)?.unwrap_or_default())
}

/// Marks a request of [`Search::ft_search`], whose [options] are methods; `S` is what the answer has of each document.
///
/// [options]: Request#impl-Request%3CE,+T,+FtSearchOptions%3CS%3E%3E
#[derive(Clone, Copy, Debug)]
pub struct FtSearchOptions<S>(std::marker::PhantomData<S>);

/// Options of [`Search::ft_search`].
impl<E, T, S> Request<E, T, FtSearchOptions<S>> {
    /// Words are searched as they are, not by their stems.
    pub fn verbatim(self) -> Self {
        self.with("VERBATIM")
    }

    /// Only among these keys.
    pub fn inkeys(self, keys: impl ToArgs) -> Self {
        counted(self, "INKEYS", keys)
    }

    /// Only in these fields.
    pub fn infields(self, fields: impl ToArgs) -> Self {
        counted(self, "INFIELDS", fields)
    }

    /// Answers these fields only (`RETURN`); `("$.a", "AS", "b")` gives one another name.
    pub fn return_fields(self, fields: impl ToArgs) -> Self {
        counted(self, "RETURN", fields)
    }

    /// What was found in the fields is marked, with `<b>` and `</b>`.
    pub fn highlight(self) -> Self {
        self.with("HIGHLIGHT")
    }

    /// Answers only the parts of the fields around what was found.
    pub fn summarize(self) -> Self {
        self.with("SUMMARIZE")
    }

    /// So many other words may stand between those of a phrase.
    pub fn slop(self, words: u32) -> Self {
        self.with(("SLOP", words))
    }

    /// The words must stand in the query's order.
    pub fn inorder(self) -> Self {
        self.with("INORDER")
    }

    /// The language of the query. Default: the index's.
    pub fn language(self, language: impl ToArg) -> Self {
        self.with(("LANGUAGE", language))
    }

    /// By which function scores are made: `BM25STD`, `TFIDF`, `DISMAX`, ...
    pub fn scorer(self, name: impl ToArg) -> Self {
        self.with(("SCORER", name))
    }

    /// The server gives up after this long. Sent in milliseconds, rounded up.
    pub fn timeout(self, after: Duration) -> Self {
        self.with(("TIMEOUT", milliseconds(after)))
    }

    /// By this field, the least first, instead of the best first.
    pub fn sortby(self, field: impl ToArg) -> Self {
        self.with(("SORTBY", field, "ASC"))
    }

    /// By this field, the greatest first.
    pub fn sortby_desc(self, field: impl ToArg) -> Self {
        self.with(("SORTBY", field, "DESC"))
    }

    /// At most `count` documents, after the first `offset` ones. Default: 0 and 10; of 0 and 0 only the total.
    pub fn limit(self, offset: u64, count: u64) -> Self {
        self.with(("LIMIT", offset, count))
    }

    /// The values of `$name` in the query: pairs of name and value. Wants dialect 2 or later.
    pub fn params(self, pairs: impl ToArgs) -> Self {
        counted(self, "PARAMS", pairs)
    }

    /// The query's dialect. Default: the server's setting, 1 if there is none.
    pub fn dialect(self, dialect: u32) -> Self {
        self.with(("DIALECT", dialect))
    }
}

/// Options of [`Search::ft_search`] that change the answer.
impl<E, T: FromReply> Request<E, SearchResults<T>, FtSearchOptions<Documents>> {
    /// Answers each document's score too.
    pub fn withscores(self) -> Request<E, SearchResults<T>, FtSearchOptions<ScoredDocuments>> {
        self.with("WITHSCORES").read_by(SearchResults::read::<ScoredDocuments>)
    }

    /// Answers the keys alone.
    pub fn nocontent(self) -> Request<E, SearchResults<T>, FtSearchOptions<DocumentIds>> {
        self.with("NOCONTENT").read_by(SearchResults::read::<DocumentIds>)
    }
}

/// Options of [`Search::ft_search`] that change the answer.
impl<E, T: FromReply> Request<E, SearchResults<T>, FtSearchOptions<ScoredDocuments>> {
    /// Answers the keys and scores alone.
    pub fn nocontent(self) -> Request<E, SearchResults<T>, FtSearchOptions<ScoredIds>> {
        self.with("NOCONTENT").read_by(SearchResults::read::<ScoredIds>)
    }
}

/// Options of [`Search::ft_search`] that change the answer.
impl<E, T: FromReply> Request<E, SearchResults<T>, FtSearchOptions<DocumentIds>> {
    /// Answers each document's score too.
    pub fn withscores(self) -> Request<E, SearchResults<T>, FtSearchOptions<ScoredIds>> {
        self.with("WITHSCORES").read_by(SearchResults::read::<ScoredIds>)
    }
}

/// Marks a request of [`Search::ft_aggregate`], whose steps and [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FtAggregateOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FtAggregateOptions;

/// Steps, in their order, and options of [`Search::ft_aggregate`].
impl<E, T> Request<E, T, FtAggregateOptions> {
    /// Words are searched as they are, not by their stems.
    pub fn verbatim(self) -> Self {
        self.insert(3, "VERBATIM")
    }

    /// Reads these fields of the documents (`@name`), which are not sortable.
    pub fn load(self, fields: impl ToArgs) -> Self {
        counted(self, "LOAD", fields)
    }

    /// Reads all fields of the documents.
    pub fn load_all(self) -> Self {
        self.with(("LOAD", "*"))
    }

    /// One row for each combination of these fields (`@name`); of none, one row. [`reduce`](Self::reduce) says what it
    /// has.
    pub fn groupby(self, fields: impl ToArgs) -> Self {
        counted(self, "GROUPBY", fields)
    }

    /// In each group, what this function makes of its arguments, under this name: `.reduce("SUM", "@price", "total")`,
    /// `.reduce("COUNT", (), "number")`.
    pub fn reduce(self, function: &str, arguments: impl ToArgs, name: impl ToArg) -> Self {
        counted(self.with("REDUCE"), function, arguments).with(("AS", name))
    }

    /// In each row, what this expression makes of it, under this name.
    pub fn apply(self, expression: impl ToArg, name: impl ToArg) -> Self {
        self.with(("APPLY", expression, "AS", name))
    }

    /// Sorts the rows by fields (`@name`), each with `ASC` or `DESC` behind it if one likes.
    pub fn sortby(self, fields: impl ToArgs) -> Self {
        counted(self, "SORTBY", fields)
    }

    /// Only rows of which this expression is true.
    pub fn filter(self, expression: impl ToArg) -> Self {
        self.with(("FILTER", expression))
    }

    /// At most `count` rows, after the first `offset` ones.
    pub fn limit(self, offset: u64, count: u64) -> Self {
        self.with(("LIMIT", offset, count))
    }

    /// The server gives up after this long. Sent in milliseconds, rounded up.
    pub fn timeout(self, after: Duration) -> Self {
        self.with(("TIMEOUT", milliseconds(after)))
    }

    /// The values of `$name` in the query: pairs of name and value. Wants dialect 2 or later.
    pub fn params(self, pairs: impl ToArgs) -> Self {
        counted(self, "PARAMS", pairs)
    }

    /// The query's dialect. Default: the server's setting, 1 if there is none.
    pub fn dialect(self, dialect: u32) -> Self {
        self.with(("DIALECT", dialect))
    }
}
