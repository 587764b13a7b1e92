//! What is asked and how its answer is read: commands, their arguments, their facts, and the conversion of replies.

mod args;
mod convert;
mod encoded;
mod facts;
mod fields;
mod from_reply;
mod needs;
mod raw;
mod refusal;
mod replay;
mod request;
mod scan;
mod slot;
pub(crate) mod transaction;

pub use args::{Args, ToArg, ToArgs};
pub use convert::{ConversionError, ServerError};
pub(crate) use encoded::{Encoded, Slices};
pub(crate) use facts::Mark;
pub use facts::{Effect, Facts, RequestPolicy, ResponsePolicy, Version};
pub(crate) use facts::{Home, Layout, known};
pub(crate) use fields::{Elements, Fields};

pub use from_reply::FromReply;
pub(crate) use needs::{Block, Needs};
pub use raw::Command;
pub(crate) use raw::Unfit;
pub use refusal::OnRefusal;
pub(crate) use refusal::{Refusal, Retry};
pub use replay::Replay;
pub use request::{Exclusive, Executor, NoOptions, Request};
pub(crate) use request::{Limit, Reader, sealed::Sealed};
pub use scan::{MemberScanOptions, Page, ScanOptions, Scanning};
pub use slot::Slot;

pub(crate) use crate::resp::{Frame, Reply, Value, View};
