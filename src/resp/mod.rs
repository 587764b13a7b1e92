//! Bytes to values and back: RESP2 and RESP3.
//!
//! Bytes from a server go into a [`Decoder`], which hands out [`Frame`]s: one or more complete replies as the bytes
//! that arrived plus a flat list of what lies where. A [`Reply`] is a borrowed view into a frame, and [`Value`] the
//! owned tree made from it. The other way, [`encode_command`] writes what a client sends and [`encode_value`] what a
//! server answers. The protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod decoder;
mod encode;
mod error;
mod frame;
mod joined;
mod limits;
mod node;
mod number;
mod protocol;
mod reader;
mod reply;
mod scan;
mod small;
mod tag;
mod tape;
mod value;

pub use decoder::Decoder;
pub use encode::{encode_command, encode_value, put_array_header, put_bulk, put_bulk_header, put_bulk_int};
pub use error::{DecodeError, PayloadError, Reason};
pub use frame::Frame;
pub(crate) use joined::{Joined, TooLarge};
pub use limits::Limits;
pub use protocol::Protocol;
pub use reply::{Items, Pairs, Reply, View};
pub use tag::Kind;
pub use value::{NullForm, Value};
