//! Vector sets: <https://redis.io/docs/latest/commands/?group=vector_set>.

use std::marker::PhantomData;

use bytes::Bytes;

use super::{keyed, known};
use crate::command::{Args, ConversionError, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs, View};

/// Commands on vector sets: elements with a vector each, that are found by the similarity of their vectors.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::VectorSets;
///
/// client.vadd("words", &[0.1f32, 1.2, 0.5], "apple").setattr(r#"{"len":5}"#).await?;
/// let near: Vec<String> = client.vsim("words", &[0.1f32, 1.0, 0.5]).count(3).await?;
/// let scored: Vec<(String, f64)> = client.vsim_element("words", "apple").withscores().await?;
/// # Ok(())
/// # }
/// ```
pub trait VectorSets: Executor {
    /// Adds an element with its vector, or gives it another one. Whether it is new. Options are methods of the request:
    /// [`reduce`](Request::reduce), [`cas`](Request::cas), [`noquant`](Request::noquant), [`q8`](Request::q8),
    /// [`bin`](Request::bin), [`ef`](Request::ef), [`setattr`](Request::setattr), [`m`](Request::m).
    /// Since 8.0. <https://redis.io/docs/latest/commands/vadd/>
    fn vadd<'a>(
        self,
        key: impl ToArg,
        vector: impl Into<Vector<'a>>,
        element: impl ToArg,
    ) -> Request<Self, bool, VaddOptions> {
        keyed::<_, ()>(self, const { known("VADD") }, key).with((vector.into(), element)).marked()
    }

    /// How many elements there are; 0 if there is no such key.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vcard/>
    fn vcard(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("VCARD") }, key)
    }

    /// How many dimensions the vectors have; with [`reduce`](Request::reduce), how many are left. A missing key is the
    /// server's error.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vdim/>
    fn vdim(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("VDIM") }, key)
    }

    /// The vector of an element, about as it was added: it may have been quantized. `None` if there is none.
    /// [`raw`](Request::raw) is an option.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vemb/>
    fn vemb(self, key: impl ToArg, element: impl ToArg) -> Request<Self, Option<Vec<f32>>, VembOptions> {
        keyed::<_, ()>(self, const { known("VEMB") }, key).with(element).marked()
    }

    /// The JSON attributes of an element; `None` if it has none, or there is no such element.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vgetattr/>
    fn vgetattr<T: FromReply>(self, key: impl ToArg, element: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("VGETATTR") }, key).with(element)
    }

    /// What the set is made of; `None` if there is no such key.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vinfo/>
    fn vinfo(self, key: impl ToArg) -> Request<Self, Option<VectorSetInfo>> {
        keyed(self, const { known("VINFO") }, key)
    }

    /// Whether there is such an element.
    /// Since 8.2. <https://redis.io/docs/latest/commands/vismember/>
    fn vismember(self, key: impl ToArg, element: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("VISMEMBER") }, key).with(element)
    }

    /// The neighbours of an element in the graph, for each of its layers; `None` if there is no such element.
    /// [`withscores`](Request::withscores) is an option.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vlinks/>
    fn vlinks<T: FromReply>(
        self,
        key: impl ToArg,
        element: impl ToArg,
    ) -> Request<Self, Option<Vec<Vec<T>>>, VlinksOptions> {
        keyed::<_, ()>(self, const { known("VLINKS") }, key).with(element).marked()
    }

    /// An element at random; `None` if there is no such key. [`count`](Request::count) is an option.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vrandmember/>
    fn vrandmember<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, VrandmemberOptions> {
        keyed::<_, ()>(self, const { known("VRANDMEMBER") }, key).marked()
    }

    /// Removes an element. Whether it was there.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vrem/>
    fn vrem(self, key: impl ToArg, element: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("VREM") }, key).with(element)
    }

    /// Gives an element these JSON attributes instead of those it has; of an empty string, none. Whether there is such an
    /// element.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vsetattr/>
    fn vsetattr(self, key: impl ToArg, element: impl ToArg, json: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("VSETATTR") }, key).with((element, json))
    }

    /// The elements whose vectors are most similar to this one, the most similar first; 10 of them unless
    /// [`count`](Request::count) says another number, and empty if there is no such key. Further options:
    /// [`withscores`](Request::withscores), [`withattribs`](Request::withattribs), [`epsilon`](Request::epsilon),
    /// [`ef`](Request::ef), [`filter`](Request::filter), [`filter_ef`](Request::filter_ef), [`truth`](Request::truth),
    /// [`nothread`](Request::nothread).
    /// Since 8.0. <https://redis.io/docs/latest/commands/vsim/>
    fn vsim<'a, T: FromReply>(
        self,
        key: impl ToArg,
        vector: impl Into<Vector<'a>>,
    ) -> Request<Self, Vec<T>, VsimOptions<VsimElements>> {
        keyed::<_, ()>(self, const { known("VSIM") }, key).with(vector.into()).marked()
    }

    /// As [`vsim`](Self::vsim), to the vector of this element, which comes too; one that is not there is the server's
    /// error.
    /// Since 8.0. <https://redis.io/docs/latest/commands/vsim/>
    fn vsim_element<T: FromReply>(
        self,
        key: impl ToArg,
        element: impl ToArg,
    ) -> Request<Self, Vec<T>, VsimOptions<VsimElements>> {
        keyed::<_, ()>(self, const { known("VSIM") }, key).with(("ELE", element)).marked()
    }
}

impl<E: Executor> VectorSets for E {}

/// A vector, and how it is sent. Slices, arrays and vectors of `f32` and of `f64` become one by `into`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Vector<'a> {
    /// As a blob of 4 bytes for each number: the shortest form.
    Fp32(&'a [f32]),
    /// As one argument for each number, in decimal digits.
    Values(&'a [f64]),
    /// The bytes of a blob that is there already: `f32`s, little endian.
    Blob(&'a [u8]),
}

impl ToArgs for Vector<'_> {
    fn write_args(&self, args: &mut Args<'_>) {
        match self {
            Self::Fp32(numbers) => {
                let blob: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                ("FP32", Bytes::from(blob)).write_args(args);
            }
            Self::Values(numbers) => ("VALUES", numbers.len(), *numbers).write_args(args),
            Self::Blob(blob) => ("FP32", *blob).write_args(args),
        }
    }
}

macro_rules! vectors {
    ($($number:ty, $form:ident;)*) => {$(
        impl<'a> From<&'a [$number]> for Vector<'a> {
            fn from(numbers: &'a [$number]) -> Self {
                Self::$form(numbers)
            }
        }

        impl<'a, const N: usize> From<&'a [$number; N]> for Vector<'a> {
            fn from(numbers: &'a [$number; N]) -> Self {
                Self::$form(numbers)
            }
        }

        impl<'a> From<&'a Vec<$number>> for Vector<'a> {
            fn from(numbers: &'a Vec<$number>) -> Self {
                Self::$form(numbers)
            }
        }
    )*};
}

vectors! {
    f32, Fp32;
    f64, Values;
}

/// What [`VectorSets::vinfo`] says of a set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VectorSetInfo {
    /// How vectors are kept: `f32`, `int8` or `bin`.
    pub quantization: String,
    /// How many dimensions they have.
    pub dimensions: u64,
    /// How many elements there are.
    pub size: u64,
    /// The highest layer of the graph.
    pub max_level: u64,
    /// How many links an element has at most in a layer, if the server says so.
    pub max_links: Option<u64>,
    /// How many elements have attributes, if the server says so.
    pub attributes: Option<u64>,
}

impl FromReply for VectorSetInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            quantization: fields.required("quant-type")?,
            dimensions: fields.required("vector-dim")?,
            size: fields.required("size")?,
            max_level: fields.required("max-level")?,
            max_links: fields.optional("hnsw-m")?,
            attributes: fields.optional("attributes-count")?,
        })
    }
}

/// What [`raw`](Request::raw) answers: a vector as the server keeps it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RawVector {
    /// How it is kept: `fp32`, `q8` or `bin`.
    pub quantization: String,
    /// Its numbers, of a length of 1 together: `f32`s, `i8`s or bits.
    pub blob: Bytes,
    /// How long it was before.
    pub norm: f64,
    /// Of `q8`, what 127 stands for.
    pub range: Option<f64>,
}

impl FromReply for RawVector {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let few = || ConversionError::new("a raw vector of 3 items or more", "fewer items");
        let View::Array(mut items) = reply.view()? else {
            return Err(ConversionError::unexpected("a raw vector", reply));
        };
        Ok(Self {
            quantization: String::from_reply(items.next().ok_or_else(few)?)?,
            blob: Bytes::from_reply(items.next().ok_or_else(few)?)?,
            norm: f64::from_reply(items.next().ok_or_else(few)?)?,
            range: items.next().map(f64::from_reply).transpose()?,
        })
    }
}

/// Marks a request of [`VectorSets::vadd`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct VaddOptions;

/// Options of [`VectorSets::vadd`].
impl<E, T> Request<E, T, VaddOptions> {
    /// The vector is projected at random to so many dimensions.
    pub fn reduce(self, dimensions: u32) -> Self {
        self.insert(2, ("REDUCE", dimensions))
    }

    /// The neighbours are looked for in the background, and again if the set has changed meanwhile.
    pub fn cas(self) -> Self {
        self.with("CAS")
    }

    /// The vectors of this set are kept as they are. The default is [`q8`](Request::q8); all elements of a set have the
    /// same.
    pub fn noquant(self) -> Self {
        self.with("NOQUANT")
    }

    /// The vectors of this set are kept with 8 bits for each number.
    pub fn q8(self) -> Self {
        self.with("Q8")
    }

    /// The vectors of this set are kept with one bit for each number.
    pub fn bin(self) -> Self {
        self.with("BIN")
    }

    /// How many candidates are looked at for neighbours. Default: 200. More finds better ones, and takes longer.
    pub fn ef(self, candidates: u32) -> Self {
        self.with(("EF", candidates))
    }

    /// The element has these JSON attributes.
    pub fn setattr(self, json: impl ToArg) -> Self {
        self.with(("SETATTR", json))
    }

    /// How many links elements of this set have at most in a layer. Default: 16. More finds better, and takes memory.
    pub fn m(self, links: u32) -> Self {
        self.with(("M", links))
    }
}

/// Marks a request of [`VectorSets::vemb`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct VembOptions;

/// Options of [`VectorSets::vemb`].
impl<E, T> Request<E, T, VembOptions> {
    /// Answers the vector as the server keeps it.
    pub fn raw(self) -> Request<E, Option<RawVector>, VembOptions> {
        self.with("RAW").marked()
    }
}

/// Marks a request of [`VectorSets::vlinks`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct VlinksOptions;

/// Options of [`VectorSets::vlinks`].
impl<E, T: FromReply> Request<E, Option<Vec<Vec<T>>>, VlinksOptions> {
    /// Answers each neighbour with its similarity, from 0 to 1.
    pub fn withscores(self) -> Request<E, Option<Vec<Vec<(T, f64)>>>> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`VectorSets::vrandmember`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct VrandmemberOptions;

/// Options of [`VectorSets::vrandmember`].
impl<E, T: FromReply> Request<E, Option<T>, VrandmemberOptions> {
    /// Answers so many different elements, or as many as there are; of a negative number so many, perhaps the same
    /// several times.
    pub fn count(self, count: i64) -> Request<E, Vec<T>> {
        self.with(count).marked()
    }
}

/// Marks a request of [`VectorSets::vsim`], whose options are methods; `W` is what the answer has with each element.
#[derive(Clone, Copy, Debug)]
pub struct VsimOptions<W>(PhantomData<W>);

/// Marks an answer of elements alone.
#[derive(Clone, Copy, Debug)]
pub struct VsimElements;

/// Marks an answer of elements with their scores.
#[derive(Clone, Copy, Debug)]
pub struct VsimScores;

/// Marks an answer of elements with their attributes.
#[derive(Clone, Copy, Debug)]
pub struct VsimAttributes;

/// Marks an answer of elements with their scores and attributes.
#[derive(Clone, Copy, Debug)]
pub struct VsimScoresAndAttributes;

/// Options of [`VectorSets::vsim`].
impl<E, T, W> Request<E, T, VsimOptions<W>> {
    /// How many elements. Default: 10.
    pub fn count(self, elements: u64) -> Self {
        self.with(("COUNT", elements))
    }

    /// Only elements that are no further away than this, from 0 to 1: 0.2 is a score of 0.8 at least. Since 8.2.
    pub fn epsilon(self, distance: f64) -> Self {
        self.with(("EPSILON", distance))
    }

    /// How many candidates are looked at. More finds better ones, and takes longer; 50 to 1000 is usual.
    pub fn ef(self, candidates: u32) -> Self {
        self.with(("EF", candidates))
    }

    /// Only elements whose attributes make this
    /// [expression](https://redis.io/docs/latest/develop/data-types/vector-sets/filtered-search/) true.
    pub fn filter(self, expression: impl ToArg) -> Self {
        self.with(("FILTER", expression))
    }

    /// How many candidates are tried for the filter.
    pub fn filter_ef(self, candidates: u32) -> Self {
        self.with(("FILTER-EF", candidates))
    }

    /// Compares with every element, without the graph: exact, and slow.
    pub fn truth(self) -> Self {
        self.with("TRUTH")
    }

    /// Searches in the server's main thread, where it holds up other commands.
    pub fn nothread(self) -> Self {
        self.with("NOTHREAD")
    }
}

/// Options of [`VectorSets::vsim`] that add to the answer.
impl<E, T: FromReply> Request<E, Vec<T>, VsimOptions<VsimElements>> {
    /// Answers each element with its similarity: 1 is the same direction, 0 the opposite one.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, VsimOptions<VsimScores>> {
        self.with("WITHSCORES").marked()
    }

    /// Answers each element with its JSON attributes, `None` if it has none. Since 8.2.
    pub fn withattribs<A: FromReply>(self) -> Request<E, Vec<(T, Option<A>)>, VsimOptions<VsimAttributes>> {
        self.with("WITHATTRIBS").marked()
    }
}

/// Options of [`VectorSets::vsim`] that add to the answer.
impl<E, T: FromReply> Request<E, Vec<(T, f64)>, VsimOptions<VsimScores>> {
    /// Answers each element with its score and its JSON attributes, `None` if it has none. Since 8.2.
    pub fn withattribs<A: FromReply>(
        self,
    ) -> Request<E, Vec<(T, f64, Option<A>)>, VsimOptions<VsimScoresAndAttributes>> {
        self.with("WITHATTRIBS").read_by(scored_with_attributes)
    }
}

/// Options of [`VectorSets::vsim`] that add to the answer.
impl<E, T: FromReply, A: FromReply> Request<E, Vec<(T, Option<A>)>, VsimOptions<VsimAttributes>> {
    /// Answers each element with its score and its JSON attributes.
    pub fn withscores(self) -> Request<E, Vec<(T, f64, Option<A>)>, VsimOptions<VsimScoresAndAttributes>> {
        self.with("WITHSCORES").read_by(scored_with_attributes)
    }
}

/// Element, score and attributes: RESP2 has them one after the other, RESP3 the last two in an array by the element.
fn scored_with_attributes<T: FromReply, A: FromReply>(
    reply: Reply<'_>,
) -> Result<Vec<(T, f64, Option<A>)>, ConversionError> {
    let mut found = Vec::new();
    match reply.view()? {
        View::Map(pairs) => {
            for (element, rest) in pairs {
                let (score, attributes) = FromReply::from_reply(rest)?;
                found.push((T::from_reply(element)?, score, attributes));
            }
        }
        View::Array(mut items) => {
            while let Some(element) = items.next() {
                let (Some(score), Some(attributes)) = (items.next(), items.next()) else {
                    return Err(ConversionError::new("threes of element, score and attributes", "fewer items"));
                };
                let (score, attributes) = (f64::from_reply(score)?, Option::from_reply(attributes)?);
                found.push((T::from_reply(element)?, score, attributes));
            }
        }
        _ => return Err(ConversionError::unexpected("elements with scores and attributes", reply)),
    }
    Ok(found)
}
