//! One node: every command goes to its link.

use crate::driver::Link;

/// A topology of one node.
#[derive(Debug)]
pub(crate) struct Standalone {
    link: Link,
}

impl Standalone {
    pub(crate) fn new(link: Link) -> Self {
        Self { link }
    }

    /// The link for every command.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}
