//! Places on the earth: <https://redis.io/docs/latest/commands/?group=geo>.

use super::{at_least_one, keyed, known};
use crate::command::{Args, ConversionError, Effect, Executor, FromReply, Reply, Request, ToArg, ToArgs, View};

/// Commands on places: sorted sets whose scores are positions.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{FromMember, Geo, GeoFound, GeoPosition, GeoShape, GeoUnit};
///
/// client.geoadd("Sicily", [(13.361389, 38.115556, "Palermo"), (15.087269, 37.502669, "Catania")]).await?;
/// let far: Option<f64> = client.geodist("Sicily", "Palermo", "Catania").unit(GeoUnit::Kilometers).await?;
///
/// let around = || GeoShape::Radius(100.0, GeoUnit::Kilometers);
/// let here = GeoPosition { longitude: 15.0, latitude: 37.0 };
/// let names: Vec<String> = client.geosearch("Sicily", here, around()).asc().await?;
/// let near: Vec<GeoFound<String>> = client.geosearch("Sicily", FromMember("Palermo"), around()).withdist().await?;
/// # Ok(())
/// # }
/// ```
pub trait Geo: Executor {
    /// Adds members or changes their positions: triples of longitude, latitude (both in degrees) and member. How many of
    /// them are new. Options are methods of the request: [`nx`](Request::nx), [`xx`](Request::xx), [`ch`](Request::ch).
    /// Since 3.2. <https://redis.io/docs/latest/commands/geoadd/>
    fn geoadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64, GeoaddOptions> {
        at_least_one(2, keyed::<_, ()>(self, const { known("GEOADD") }, key).with(members)).marked()
    }

    /// How far two members are from each other, in meters or in another [`unit`](Request::unit); `None` if one of them is
    /// not there.
    /// Since 3.2. <https://redis.io/docs/latest/commands/geodist/>
    fn geodist(
        self,
        key: impl ToArg,
        one: impl ToArg,
        other: impl ToArg,
    ) -> Request<Self, Option<f64>, GeodistOptions> {
        keyed::<_, ()>(self, const { known("GEODIST") }, key).with((one, other)).marked()
    }

    /// The [Geohash](https://en.wikipedia.org/wiki/Geohash) of each member, in their order, `None` where there is no such
    /// member.
    /// Since 3.2. <https://redis.io/docs/latest/commands/geohash/>
    fn geohash(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, Vec<Option<String>>> {
        keyed(self, const { known("GEOHASH") }, key).with(members)
    }

    /// The position of each member, in their order, `None` where there is no such member. They differ a little from those
    /// that were added: a member has 52 bits for both numbers.
    /// Since 3.2. <https://redis.io/docs/latest/commands/geopos/>
    fn geopos(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, Vec<Option<GeoPosition>>> {
        keyed(self, const { known("GEOPOS") }, key).with(members)
    }

    /// The members in a circle around a position. Options as for [`geosearch`](Self::geosearch), and
    /// [`store`](Request::store) and [`storedist`](Request::storedist).
    /// Since 3.2. <https://redis.io/docs/latest/commands/georadius/>
    /// Deprecated since 6.2: use [`geosearch`](Self::geosearch) or [`geosearchstore`](Self::geosearchstore).
    fn georadius<T: FromReply>(
        self,
        key: impl ToArg,
        center: GeoPosition,
        radius: f64,
        unit: GeoUnit,
    ) -> Request<Self, Vec<T>, GeoradiusOptions> {
        keyed::<_, ()>(self, const { known("GEORADIUS") }, key).with((center, radius, unit)).marked()
    }

    /// The members in a circle around a position. Options as for [`geosearch`](Self::geosearch).
    /// Since 3.2.10. <https://redis.io/docs/latest/commands/georadius_ro/>
    /// Deprecated since 6.2: use [`geosearch`](Self::geosearch).
    fn georadius_ro<T: FromReply>(
        self,
        key: impl ToArg,
        center: GeoPosition,
        radius: f64,
        unit: GeoUnit,
    ) -> Request<Self, Vec<T>, GeosearchOptions> {
        keyed::<_, ()>(self, const { known("GEORADIUS_RO") }, key).with((center, radius, unit)).marked()
    }

    /// The members in a circle around a member, this one too. Options as for [`geosearch`](Self::geosearch), and
    /// [`store`](Request::store) and [`storedist`](Request::storedist).
    /// Since 3.2. <https://redis.io/docs/latest/commands/georadiusbymember/>
    /// Deprecated since 6.2: use [`geosearch`](Self::geosearch) or [`geosearchstore`](Self::geosearchstore).
    fn georadiusbymember<T: FromReply>(
        self,
        key: impl ToArg,
        member: impl ToArg,
        radius: f64,
        unit: GeoUnit,
    ) -> Request<Self, Vec<T>, GeoradiusOptions> {
        keyed::<_, ()>(self, const { known("GEORADIUSBYMEMBER") }, key).with((member, radius, unit)).marked()
    }

    /// The members in a circle around a member, this one too. Options as for [`geosearch`](Self::geosearch).
    /// Since 3.2.10. <https://redis.io/docs/latest/commands/georadiusbymember_ro/>
    /// Deprecated since 6.2: use [`geosearch`](Self::geosearch).
    fn georadiusbymember_ro<T: FromReply>(
        self,
        key: impl ToArg,
        member: impl ToArg,
        radius: f64,
        unit: GeoUnit,
    ) -> Request<Self, Vec<T>, GeosearchOptions> {
        keyed::<_, ()>(self, const { known("GEORADIUSBYMEMBER_RO") }, key).with((member, radius, unit)).marked()
    }

    /// The members in a shape around a [position](GeoPosition) or a [member](FromMember), this one too, in no order. Empty
    /// if there are none; an origin that is no member is an error of the server.
    ///
    /// Options are methods of the request: [`asc`](Request::asc), [`desc`](Request::desc), [`count`](Request::count),
    /// [`any`](Request::any); and, so that it answers a [`GeoFound`] for each, [`withcoord`](Request::withcoord),
    /// [`withdist`](Request::withdist), [`withhash`](Request::withhash).
    /// Since 6.2. <https://redis.io/docs/latest/commands/geosearch/>
    fn geosearch<T: FromReply>(
        self,
        key: impl ToArg,
        origin: impl GeoOrigin,
        shape: GeoShape,
    ) -> Request<Self, Vec<T>, GeosearchOptions> {
        keyed::<_, ()>(self, const { known("GEOSEARCH") }, key).with((origin.option(), origin, shape)).marked()
    }

    /// Stores the members of `source` in a shape, given as for [`geosearch`](Self::geosearch), in the place of what was at
    /// `destination`. How many they are; of none, `destination` is deleted. Options are methods of the request:
    /// [`asc`](Request::asc), [`desc`](Request::desc), [`count`](Request::count), [`any`](Request::any),
    /// [`storedist`](Request::storedist).
    /// Since 6.2. <https://redis.io/docs/latest/commands/geosearchstore/>
    fn geosearchstore(
        self,
        destination: impl ToArg,
        source: impl ToArg,
        origin: impl GeoOrigin,
        shape: GeoShape,
    ) -> Request<Self, u64, GeosearchstoreOptions> {
        let request = keyed::<_, ()>(self, const { known("GEOSEARCHSTORE") }, destination).with_keys(source);
        request.with((origin.option(), origin, shape)).marked()
    }
}

impl<E: Executor> Geo for E {}

/// A position, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPosition {
    /// East is positive; from -180 to 180.
    pub longitude: f64,
    /// North is positive; from -85.05112878 to 85.05112878.
    pub latitude: f64,
}

/// Longitude and latitude, two arguments.
impl ToArgs for GeoPosition {
    fn write_args(&self, args: &mut Args<'_>) {
        args.double(self.longitude);
        args.double(self.latitude);
    }
}

impl FromReply for GeoPosition {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let (longitude, latitude) = FromReply::from_reply(reply)?;
        Ok(Self { longitude, latitude })
    }
}

/// A member from which is searched: `FromMember("Palermo")`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromMember<M>(
    /// The member.
    pub M,
);

impl<M: ToArg> ToArgs for FromMember<M> {
    fn write_args(&self, args: &mut Args<'_>) {
        self.0.write_args(args);
    }
}

/// From where is searched: a [`GeoPosition`], or a member of the same key: [`FromMember`]. A
/// [polygon](GeoShape::Polygon) has no origin: `()`.
pub trait GeoOrigin: ToArgs + sealed::Sealed {
    /// The option that says so to the server.
    #[doc(hidden)]
    fn option(&self) -> Option<&'static str>;
}

impl GeoOrigin for GeoPosition {
    fn option(&self) -> Option<&'static str> {
        Some("FROMLONLAT")
    }
}

impl<M: ToArg> GeoOrigin for FromMember<M> {
    fn option(&self) -> Option<&'static str> {
        Some("FROMMEMBER")
    }
}

/// No origin.
impl GeoOrigin for () {
    fn option(&self) -> Option<&'static str> {
        None
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::GeoPosition {}
    impl<M> Sealed for super::FromMember<M> {}
    impl Sealed for () {}
}

/// Where is searched.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GeoShape {
    /// A circle of this radius around the origin.
    Radius(f64, GeoUnit),
    /// A rectangle of this width and this height, with the origin in its middle.
    Box(f64, f64, GeoUnit),
    /// A polygon with these corners, at least three. Distances are from its middle, in meters. Valkey 9.0.
    Polygon(Vec<GeoPosition>),
}

impl ToArgs for GeoShape {
    fn write_args(&self, args: &mut Args<'_>) {
        match self {
            Self::Radius(radius, unit) => ("BYRADIUS", radius, unit).write_args(args),
            Self::Box(width, height, unit) => ("BYBOX", width, height, unit).write_args(args),
            Self::Polygon(corners) => ("BYPOLYGON", corners.len(), corners).write_args(args),
        }
    }
}

/// A unit of distances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GeoUnit {
    /// `m`.
    #[default]
    Meters,
    /// `km`.
    Kilometers,
    /// `ft`.
    Feet,
    /// `mi`.
    Miles,
}

impl ToArgs for GeoUnit {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::Meters => b"m",
            Self::Kilometers => b"km",
            Self::Feet => b"ft",
            Self::Miles => b"mi",
        });
    }
}

impl ToArg for GeoUnit {}

/// A member that was found, with what was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GeoFound<T = String> {
    /// The member.
    pub member: T,
    /// How far it is from the origin, in the unit of the search: with [`withdist`](Request::withdist).
    pub distance: Option<f64>,
    /// The bits of its position, which are its score: with [`withhash`](Request::withhash).
    pub hash: Option<u64>,
    /// Where it is: with [`withcoord`](Request::withcoord).
    pub position: Option<GeoPosition>,
}

/// What was asked for is known by its kind: a distance is a string, a hash an integer, a position an array.
impl<T: FromReply> FromReply for GeoFound<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let View::Array(mut items) = reply.view()? else {
            return Err(ConversionError::unexpected("a place with its details", reply));
        };
        let member = items.next().ok_or_else(|| ConversionError::new("a place with its details", "an empty array"))?;
        let (mut distance, mut hash, mut position) = (None, None, None);
        for item in items {
            match item.view()? {
                View::Array(_) => position = Some(GeoPosition::from_reply(item)?),
                View::Integer(_) => hash = Some(u64::from_reply(item)?),
                _ => distance = Some(f64::from_reply(item)?),
            }
        }
        Ok(Self { member: T::from_reply(member)?, distance, hash, position })
    }
}

/// Marks a request of [`Geo::geoadd`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeoaddOptions;

/// Options of [`Geo::geoadd`].
impl<E, T> Request<E, T, GeoaddOptions> {
    /// Only members that are not there. Since 6.2.
    pub fn nx(self) -> Self {
        self.insert(2, "NX").does(Effect::ConditionalWrite)
    }

    /// Only members that are there. Since 6.2.
    pub fn xx(self) -> Self {
        self.insert(2, "XX")
    }

    /// Answers how many members are new or have another position than before. Since 6.2.
    pub fn ch(self) -> Self {
        self.insert(2, "CH")
    }
}

/// Marks a request of [`Geo::geodist`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeodistOptions;

/// Options of [`Geo::geodist`].
impl<E, T> Request<E, T, GeodistOptions> {
    /// In which unit. Default: meters.
    pub fn unit(self, unit: GeoUnit) -> Self {
        self.with(unit)
    }
}

/// Marks a request that answers the members of a search, whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeosearchOptions;

/// Marks a request that answers the members of a search with details, whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeosearchDetailOptions;

/// Marks a request that answers the members of a search, or stores them, whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeoradiusOptions;

/// Marks a request of [`Geo::geosearchstore`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct GeosearchstoreOptions;

/// The marks of requests that search for places.
pub trait GeoSearching: searching::Sealed {}

mod searching {
    pub trait Sealed {}
}

macro_rules! searches {
    ($($mark:ty)*) => {$(
        impl searching::Sealed for $mark {}

        impl GeoSearching for $mark {}
    )*};
}

searches!(GeosearchOptions GeosearchDetailOptions GeoradiusOptions GeosearchstoreOptions);

/// Options of all searches for places: [`Geo::geosearch`], [`Geo::geosearchstore`], [`Geo::georadius`], ...
impl<E, T, O: GeoSearching> Request<E, T, O> {
    /// The nearest first.
    pub fn asc(self) -> Self {
        self.with("ASC")
    }

    /// The farthest first.
    pub fn desc(self) -> Self {
        self.with("DESC")
    }

    /// No more than so many: the nearest, or with [`desc`](Self::desc) the farthest.
    pub fn count(self, members: u64) -> Self {
        self.with(("COUNT", members))
    }

    /// With [`count`](Self::count): as soon as enough are found, so not always the nearest. Since 6.2.
    pub fn any(self) -> Self {
        self.with("ANY")
    }
}

/// Options of [`Geo::geosearch`], [`Geo::georadius_ro`] and [`Geo::georadiusbymember_ro`]: what is answered for each member.
impl<E, T: FromReply> Request<E, Vec<T>, GeosearchOptions> {
    /// Answers for each member where it is, too.
    pub fn withcoord(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHCOORD").marked()
    }

    /// Answers for each member how far it is from the origin, too, in the unit of the search.
    pub fn withdist(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHDIST").marked()
    }

    /// Answers for each member the bits of its position, too.
    pub fn withhash(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHHASH").marked()
    }
}

/// Options of [`Geo::georadius`] and [`Geo::georadiusbymember`]: what is answered for each member.
impl<E, T: FromReply> Request<E, Vec<T>, GeoradiusOptions> {
    /// Answers for each member where it is, too.
    pub fn withcoord(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHCOORD").marked()
    }

    /// Answers for each member how far it is from the origin, too, in the unit of the search.
    pub fn withdist(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHDIST").marked()
    }

    /// Answers for each member the bits of its position, too.
    pub fn withhash(self) -> Request<E, Vec<GeoFound<T>>, GeosearchDetailOptions> {
        self.with("WITHHASH").marked()
    }
}

/// Options of searches for places that answer one detail of each member already.
impl<E, T> Request<E, T, GeosearchDetailOptions> {
    /// Answers for each member where it is, too.
    pub fn withcoord(self) -> Self {
        self.with("WITHCOORD")
    }

    /// Answers for each member how far it is from the origin, too, in the unit of the search.
    pub fn withdist(self) -> Self {
        self.with("WITHDIST")
    }

    /// Answers for each member the bits of its position, too.
    pub fn withhash(self) -> Self {
        self.with("WITHHASH")
    }
}

/// Options of [`Geo::georadius`] and [`Geo::georadiusbymember`].
impl<E, T> Request<E, T, GeoradiusOptions> {
    /// Stores the members with their positions, in the place of what was at this key, and answers how many they are. The
    /// type of members is any then: `georadius::<()>(..).store("to")`.
    pub fn store(self, destination: impl ToArg) -> Request<E, u64, GeosearchstoreOptions> {
        self.with("STORE").with_keys(destination).does(Effect::LastWriteWins).marked()
    }

    /// Stores the members with how far they are from the origin as their scores, in the place of what was at this key,
    /// and answers how many they are. The type of members is any then.
    pub fn storedist(self, destination: impl ToArg) -> Request<E, u64, GeosearchstoreOptions> {
        self.with("STOREDIST").with_keys(destination).does(Effect::LastWriteWins).marked()
    }
}

/// Options of [`Geo::geosearchstore`].
impl<E, T> Request<E, T, GeosearchstoreOptions> {
    /// The scores are how far the members are from the origin, in the unit of the search, instead of their positions.
    pub fn storedist(self) -> Self {
        self.with("STOREDIST")
    }
}
