//! JSON documents: <https://redis.io/docs/latest/commands/?group=json>.

use super::{keyed, keys_only, known};
use crate::command::{ConversionError, Effect, Executor, FromReply, Reply, Request, ToArg, ToArgs, View};

/// Commands on JSON documents, of the module `ReJSON`, of Redis 8, or of `valkey-json`.
///
/// Values are JSON text, so a string has its quotes: `"\"alice\""`. With the feature `json`,
/// `steadfast::serde::Json` makes text of any value and a value of any text.
///
/// Paths are [JSONPath](https://redis.io/docs/latest/develop/data-types/json/path/), and begin with `$`, which is the
/// whole document. Such a path can match any number of places, so the answers have one item for each of them, in their
/// order, and `None` where the value there is of another type than the command is for. Of a path in the old syntax
/// (`.name`) the answer has one item.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::JsonDocuments;
///
/// client.json_set("user:7", "$", r#"{"name":"alice","visits":1,"tags":[]}"#).await?;
/// let visits: Vec<Option<f64>> = client.json_numincrby("user:7", "$.visits", 1.0).await?;
/// let tags: Vec<Option<u64>> = client.json_arrappend("user:7", "$.tags", r#""new""#).await?;
/// let names: Option<String> = client.json_get("user:7", "$.name").await?;
/// assert_eq!(names.as_deref(), Some(r#"["alice"]"#));
/// # Ok(())
/// # }
/// ```
pub trait JsonDocuments: Executor {
    /// Appends values to arrays: one JSON text each, at least one. The length that each array has then.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrappend/>
    fn json_arrappend(self, key: impl ToArg, path: impl ToArg, values: impl ToArgs) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.ARRAPPEND") }, key).with(path).with(values).read_by(each)
    }

    /// Where a value is first found in arrays, from 0 on; -1 where it is not. Only text, numbers, booleans and null can
    /// be looked for. [`range`](JsonArrindexOptions) is an option.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrindex/>
    fn json_arrindex(
        self,
        key: impl ToArg,
        path: impl ToArg,
        value: impl ToArg,
    ) -> Request<Self, Vec<Option<i64>>, JsonArrindexOptions> {
        keyed::<_, ()>(self, const { known("JSON.ARRINDEX") }, key).with((path, value)).read_by(each)
    }

    /// Inserts values into arrays, before the item `index`; a negative one counts from the end. The length that each
    /// array has then.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrinsert/>
    fn json_arrinsert(
        self,
        key: impl ToArg,
        path: impl ToArg,
        index: i64,
        values: impl ToArgs,
    ) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.ARRINSERT") }, key).with((path, index)).with(values).read_by(each)
    }

    /// How many items arrays have. Empty if there is no such key.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrlen/>
    fn json_arrlen(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.ARRLEN") }, key).with(path).read_by(each)
    }

    /// Removes an item from arrays, the last one, or that of the option [`index`](JsonArrpopOptions). What was removed,
    /// as JSON; `None` also where an array was empty.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrpop/>
    fn json_arrpop<T: FromReply>(
        self,
        key: impl ToArg,
        path: impl ToArg,
    ) -> Request<Self, Vec<Option<T>>, JsonArrpopOptions> {
        keyed::<_, ()>(self, const { known("JSON.ARRPOP") }, key).with(path).read_by(each)
    }

    /// Removes all items of arrays but those from `start` to `stop`, both included; negative ones count from the end.
    /// The length that each array has then.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.arrtrim/>
    fn json_arrtrim(self, key: impl ToArg, path: impl ToArg, start: i64, stop: i64) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.ARRTRIM") }, key).with((path, start, stop)).read_by(each)
    }

    /// Empties arrays and objects, and sets numbers to 0. How many values were changed.
    /// Since JSON 2.0. <https://redis.io/docs/latest/commands/json.clear/>
    fn json_clear(self, key: impl ToArg, path: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("JSON.CLEAR") }, key).with(path)
    }

    /// Deletes values; of the path `$`, the key. How many there were.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.del/>
    fn json_del(self, key: impl ToArg, path: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("JSON.DEL") }, key).with(path)
    }

    /// The same as [`json_del`](Self::json_del), under another name.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.forget/>
    fn json_forget(self, key: impl ToArg, path: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("JSON.FORGET") }, key).with(path)
    }

    /// The values at one path, or at several, as one JSON text; `None` if there is no such key. Of one path, the text is
    /// an array of what it matches. Of several, it is an object of such arrays by path. Of none it is that of `$`, an
    /// array of the document. [`indent`](JsonGetOptions), [`newline`](JsonGetOptions) and [`space`](JsonGetOptions)
    /// are options.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.get/>
    fn json_get<T: FromReply>(self, key: impl ToArg, paths: impl ToArgs) -> Request<Self, Option<T>, JsonGetOptions> {
        let request = keyed::<_, ()>(self, const { known("JSON.GET") }, key);
        let before = request.command().len();
        let request = request.with(paths);
        // What a server takes for the path then is another one in RESP2 than in RESP3.
        let default = (request.command().len() == before).then_some("$");
        request.with(default).marked()
    }

    /// Merges a value into a document, as [RFC 7396](https://www.rfc-editor.org/rfc/rfc7396) says: fields of objects
    /// one by one, a `null` deletes. A missing key is made, of the path `$`.
    /// Since JSON 2.6. <https://redis.io/docs/latest/commands/json.merge/>
    fn json_merge(self, key: impl ToArg, path: impl ToArg, value: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("JSON.MERGE") }, key).with((path, value))
    }

    /// The values at a path of several keys, in their order, each as a JSON array of what the path matches; `None` where
    /// there is no such key.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.mget/>
    fn json_mget<T: FromReply>(self, keys: impl ToArgs, path: impl ToArg) -> Request<Self, Vec<Option<T>>> {
        keys_only(self, const { known("JSON.MGET") }, keys).with(path)
    }

    /// Sets several values at once: triples of key, path and JSON.
    /// Since JSON 2.6. <https://redis.io/docs/latest/commands/json.mset/>
    fn json_mset(self, triples: impl ToArgs) -> Request<Self, ()> {
        keys_only(self, const { known("JSON.MSET") }, triples)
    }

    /// Adds to numbers. The new values, to the precision of a double.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.numincrby/>
    fn json_numincrby(self, key: impl ToArg, path: impl ToArg, by: f64) -> Request<Self, Vec<Option<f64>>> {
        keyed::<_, ()>(self, const { known("JSON.NUMINCRBY") }, key).with((path, by)).read_by(numbers)
    }

    /// Multiplies numbers. The new values, to the precision of a double.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.nummultby/>
    fn json_nummultby(self, key: impl ToArg, path: impl ToArg, by: f64) -> Request<Self, Vec<Option<f64>>> {
        keyed::<_, ()>(self, const { known("JSON.NUMMULTBY") }, key).with((path, by)).read_by(numbers)
    }

    /// The names of the fields of objects. Empty if there is no such key. Wants a path that begins with `$`.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.objkeys/>
    fn json_objkeys<T: FromReply>(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<Option<Vec<T>>>> {
        keyed::<_, ()>(self, const { known("JSON.OBJKEYS") }, key).with(path).read_by(each)
    }

    /// How many fields objects have. Empty if there is no such key.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.objlen/>
    fn json_objlen(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.OBJLEN") }, key).with(path).read_by(each)
    }

    /// The values as replies, not as JSON: arrays begin with `[`, objects with `{`. `T` is what such a tree is read as,
    /// [`Value`](crate::Value) for whatever comes.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.resp/>
    /// Deprecated since 2.6: use [`json_get`](Self::json_get).
    fn json_resp<T: FromReply>(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("JSON.RESP") }, key).with(path)
    }

    /// Sets the values at a path; the path `$` makes or replaces the document. With [`nx`](JsonSetOptions) or
    /// [`xx`](JsonSetOptions) it answers whether something was set. A new field is made in an object that is there.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.set/>
    fn json_set(self, key: impl ToArg, path: impl ToArg, value: impl ToArg) -> Request<Self, (), JsonSetOptions> {
        keyed::<_, ()>(self, const { known("JSON.SET") }, key).with((path, value)).marked()
    }

    /// Appends a string, which is JSON too (`"\"b\""`), to strings. The length in bytes that each has then.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.strappend/>
    fn json_strappend(self, key: impl ToArg, path: impl ToArg, value: impl ToArg) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.STRAPPEND") }, key).with((path, value)).read_by(each)
    }

    /// The lengths of strings, in bytes. Empty if there is no such key.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.strlen/>
    fn json_strlen(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<Option<u64>>> {
        keyed::<_, ()>(self, const { known("JSON.STRLEN") }, key).with(path).read_by(each)
    }

    /// Makes `true` of `false`, and `false` of `true`. The new values.
    /// Since JSON 2.0. <https://redis.io/docs/latest/commands/json.toggle/>
    fn json_toggle(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<Option<bool>>> {
        keyed::<_, ()>(self, const { known("JSON.TOGGLE") }, key).with(path).read_by(optional_booleans)
    }

    /// The types of the values: `null`, `boolean`, `integer`, `number`, `string`, `object`, `array`. Empty if there is no
    /// such key, or nothing at the path.
    /// Since JSON 1.0. <https://redis.io/docs/latest/commands/json.type/>
    fn json_type(self, key: impl ToArg, path: impl ToArg) -> Request<Self, Vec<String>> {
        keyed::<_, ()>(self, const { known("JSON.TYPE") }, key).with(path).read_by(kinds)
    }
}

impl<E: Executor> JsonDocuments for E {}

/// Marks a request of [`JsonDocuments::json_arrindex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+JsonArrindexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct JsonArrindexOptions;

/// Options of [`JsonDocuments::json_arrindex`].
impl<E, T> Request<E, T, JsonArrindexOptions> {
    /// Only from the item `start` to the one before `stop`; negative ones count from the end, a `stop` of 0 is the end.
    pub fn range(self, start: i64, stop: i64) -> Self {
        self.with((start, stop))
    }
}

/// Marks a request of [`JsonDocuments::json_arrpop`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+JsonArrpopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct JsonArrpopOptions;

/// Options of [`JsonDocuments::json_arrpop`].
impl<E, T> Request<E, T, JsonArrpopOptions> {
    /// Which item. Negative ones count from the end; what is outside is the nearest one. Default: -1, the last.
    pub fn index(self, index: i64) -> Self {
        self.with(index)
    }
}

/// Marks a request of [`JsonDocuments::json_get`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+JsonGetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct JsonGetOptions;

/// Options of [`JsonDocuments::json_get`].
impl<E, T> Request<E, T, JsonGetOptions> {
    /// This stands before what is nested, once for each level. Default: nothing.
    pub fn indent(self, text: impl ToArg) -> Self {
        self.insert(2, ("INDENT", text))
    }

    /// This ends each line. Default: nothing.
    pub fn newline(self, text: impl ToArg) -> Self {
        self.insert(2, ("NEWLINE", text))
    }

    /// This stands between a field's name and its value. Default: nothing.
    pub fn space(self, text: impl ToArg) -> Self {
        self.insert(2, ("SPACE", text))
    }
}

/// Marks a request of [`JsonDocuments::json_set`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+JsonSetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct JsonSetOptions;

/// Options of [`JsonDocuments::json_set`].
impl<E, T> Request<E, T, JsonSetOptions> {
    /// Only if there is nothing at the path; answers whether it was set.
    pub fn nx(self) -> Request<E, bool, JsonSetOptions> {
        self.with("NX").does(Effect::ConditionalWrite).marked()
    }

    /// Only if there is something at the path; answers whether it was set.
    pub fn xx(self) -> Request<E, bool, JsonSetOptions> {
        self.with("XX").marked()
    }
}

/// One item for each place that a path matches: an array, of an old path a single value, of a missing key nothing.
fn each<T: FromReply>(reply: Reply<'_>) -> Result<Vec<Option<T>>, ConversionError> {
    match reply.view()? {
        View::Null => Ok(Vec::new()),
        View::Array(items) => items.map(Option::from_reply).collect(),
        _ => Ok(vec![Some(T::from_reply(reply)?)]),
    }
}

/// As [`each`]; of an old path the answer is the text `true` or `false`.
fn optional_booleans(reply: Reply<'_>) -> Result<Vec<Option<bool>>, ConversionError> {
    match reply.bytes() {
        Some(b"true") => Ok(vec![Some(true)]),
        Some(b"false") => Ok(vec![Some(false)]),
        _ => each(reply),
    }
}

/// Numbers and nulls: RESP3 has an array of them, RESP2 the JSON text of one.
fn numbers(reply: Reply<'_>) -> Result<Vec<Option<f64>>, ConversionError> {
    let Some(text) = reply.bytes().filter(|_| !reply.is_error()) else {
        return each(reply);
    };
    let wrong = || ConversionError::new("a JSON array of numbers", format!("a string of {} bytes", text.len()));
    let text = std::str::from_utf8(text).map_err(|_| wrong())?.trim();
    let items = text.strip_prefix('[').and_then(|open| open.strip_suffix(']')).unwrap_or(text);
    if items.trim().is_empty() {
        return Ok(Vec::new());
    }
    let number = |item: &str| match item.trim() {
        "null" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| wrong()),
    };
    items.split(',').map(number).collect()
}

/// The names of types: RESP3 has the answer of RESP2 in an array of its own.
fn kinds(reply: Reply<'_>) -> Result<Vec<String>, ConversionError> {
    let mut kinds = Vec::new();
    for kind in each::<Kinds>(reply)?.into_iter().flatten() {
        kinds.extend(kind.0);
    }
    Ok(kinds)
}

/// One name, or several.
struct Kinds(Vec<String>);

impl FromReply for Kinds {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Ok(Self(each(reply)?.into_iter().flatten().collect()))
    }
}
