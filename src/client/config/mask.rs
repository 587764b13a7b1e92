//! A URL that is fit to be shown: its secrets are replaced, and one part of it is marked.

use std::ops::Range;

use crate::connection::MASK;

/// A text with its secret parts replaced by `***`, and the byte range of one part of it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::client) struct Masked {
    text: Box<str>,
    span: Range<usize>,
}

impl Masked {
    /// Masks the parts `secrets` of `original`, which are in order and apart from each other, and marks `span`.
    pub(in crate::client) fn new(original: &str, secrets: &[Range<usize>], span: &Range<usize>) -> Self {
        let mut text = String::with_capacity(original.len());
        let mut shown_to = 0;
        for secret in secrets {
            text.push_str(&original[shown_to..secret.start]);
            text.push_str(MASK);
            shown_to = secret.end;
        }
        text.push_str(&original[shown_to..]);
        let start = translated(span.start, secrets, 0);
        let end = translated(span.end, secrets, MASK.len()).max(start);
        Self { text: text.into(), span: start..end }
    }

    pub(in crate::client) fn text(&self) -> &str {
        &self.text
    }

    pub(in crate::client) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(in crate::client) fn marked(&self) -> &str {
        &self.text[self.span()]
    }
}

/// Where the offset `at` of the original is in the masked text. Inside a secret it is `within` bytes into its mask.
fn translated(at: usize, secrets: &[Range<usize>], within: usize) -> usize {
    let mut hidden = 0;
    let mut masks = 0;
    for secret in secrets {
        if secret.end <= at {
            hidden += secret.len();
            masks += MASK.len();
        } else if secret.start < at {
            return secret.start - hidden + masks + within;
        }
    }
    at - hidden + masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_moves_with_the_text_it_marks() {
        let original = "redis://user:secret@host:99999/?a=1&b=22";
        let secrets = [8..19, 34..35];
        let marked = |span: Range<usize>| Masked::new(original, &secrets, &span).marked().to_owned();
        assert_eq!(Masked::new(original, &secrets, &(0..0)).text(), "redis://***@host:99999/?a=***&b=22");
        assert_eq!(marked(0..5), "redis");
        assert_eq!(marked(25..30), "99999");
        assert_eq!(marked(38..40), "22");
        assert_eq!(marked(40..40), "");
    }

    #[test]
    fn a_span_that_touches_a_secret_marks_the_whole_mask() {
        let original = "redis://user:secret@host";
        let secret = 8..19;
        let marked =
            |span: Range<usize>| Masked::new(original, std::slice::from_ref(&secret), &span).marked().to_owned();
        assert_eq!(marked(8..19), "***");
        assert_eq!(marked(10..12), "***");
        assert_eq!(marked(15..24), "***@host");
    }
}
