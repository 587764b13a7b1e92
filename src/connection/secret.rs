//! A password that cannot be printed by accident.

use std::fmt;
use std::sync::Arc;

/// A password, or another text that must stay out of logs.
///
/// `Debug` prints `***` whatever the content, there is no `Display`, and nothing public gives the content back. A clone
/// shares the same memory. The memory is not wiped when the last clone goes.
///
/// ```
/// let secret = steadfast::client::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "***");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// The bytes to send to the server, and to nobody else.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What stands in place of a secret wherever one would be shown.
pub(crate) const MASK: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_content_nor_length() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), MASK);
        assert_eq!(format!("{:#?}", Some(Secret::from(String::new()))), "Some(\n    ***,\n)");
    }

    #[test]
    fn the_crate_reads_the_exact_bytes() {
        assert_eq!(Secret::from(vec![0xff, 0, b'a']).expose(), &[0xff, 0, b'a']);
    }
}
