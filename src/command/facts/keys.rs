//! Where a command's keys stand among its words.

/// A run of keys, found as servers find it. Sharded channels count as keys: they belong to slots as keys do.
///
/// Source: <https://redis.io/docs/latest/develop/reference/key-specs/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeySpec {
    begin: Begin,
    find: Find,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// At this word.
    Index(usize),
    /// At this word, if it is not empty.
    Filled(usize),
    /// After the first word that reads so, looked for from this one on; from the end back if negative.
    Keyword(&'static str, i8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Find {
    /// Every `step`-th word up to the one `last` words further on, or that far from the end if negative.
    Range { last: i8, step: usize },
    /// The first half of the words that are left.
    Half,
    /// As many as the word at the beginning says, right behind it, every `step`-th word.
    Count { step: usize },
}

/// One key, at this word.
pub(super) const fn key(index: usize) -> KeySpec {
    range(index, 0, 1)
}

/// One key, at this word; none if it is empty.
pub(super) const fn filled(index: usize) -> KeySpec {
    KeySpec { begin: Begin::Filled(index), ..key(index) }
}

/// Keys from this word to the end.
pub(super) const fn keys(index: usize) -> KeySpec {
    range(index, -1, 1)
}

/// Keys and values by turns, from this word to the end.
pub(super) const fn pairs(index: usize) -> KeySpec {
    range(index, -1, 2)
}

/// Every `step`-th word from `first` on: up to the one `last` words further on, or that far from the end if negative.
pub(super) const fn range(first: usize, last: i8, step: usize) -> KeySpec {
    KeySpec { begin: Begin::Index(first), find: Find::Range { last, step } }
}

/// Their number at this word, then the keys.
pub(super) const fn counted(index: usize) -> KeySpec {
    KeySpec { begin: Begin::Index(index), find: Find::Count { step: 1 } }
}

/// Their number at this word, then keys and values by turns.
pub(super) const fn counted_pairs(index: usize) -> KeySpec {
    KeySpec { begin: Begin::Index(index), find: Find::Count { step: 2 } }
}

/// One key, after a keyword that stands at `from` or later.
pub(super) const fn after(keyword: &'static str, from: i8) -> KeySpec {
    KeySpec { begin: Begin::Keyword(keyword, from), find: Find::Range { last: 0, step: 1 } }
}

/// Keys to the end, after a keyword that stands at `from` or later.
pub(super) const fn all_after(keyword: &'static str, from: i8) -> KeySpec {
    KeySpec { begin: Begin::Keyword(keyword, from), find: Find::Range { last: -1, step: 1 } }
}

/// Keys, and as many other words, after a keyword that stands at `from` or later.
pub(super) const fn half_after(keyword: &'static str, from: i8) -> KeySpec {
    KeySpec { begin: Begin::Keyword(keyword, from), find: Find::Half }
}

/// How the words of a command are arranged around its keys, if it can be taken apart: what comes first, then each key with
/// what belongs to it, then what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The place of the word that says how many keys there are.
    pub(crate) count: Option<usize>,
    /// The place of the first key.
    pub(crate) first: usize,
    /// The place behind the last key and what belongs to it.
    pub(crate) end: usize,
    /// How many words a key has with what belongs to it.
    pub(crate) step: usize,
}

impl KeySpec {
    /// The place of the key, if there is never more than one and it always stands at the same place.
    #[inline]
    pub(crate) fn sole(&self) -> Option<usize> {
        match (self.begin, self.find) {
            (Begin::Index(index), Find::Range { last: 0, .. }) => Some(index),
            _ => None,
        }
    }

    /// How the words are arranged around the keys; `None` if they do not fit the pattern, or the last key lacks what belongs
    /// to it.
    pub(crate) fn layout(&self, words: &[&[u8]]) -> Option<Layout> {
        let (first, end, step) = self.bounds(words)?;
        let count = match (self.begin, self.find) {
            (Begin::Index(index), Find::Count { .. }) => Some(index),
            (Begin::Index(_), Find::Range { .. }) => None,
            _ => return None,
        };
        let fits = step > 0 && first < end && end <= words.len() && (end - first) % step == 0;
        fits.then_some(Layout { count, first, end, step })
    }

    /// The places of the keys among the words, the name's words included; none where the words do not fit the pattern.
    pub(crate) fn places(&self, words: &[&[u8]]) -> impl Iterator<Item = usize> + use<> {
        let (first, end, step) = self.bounds(words).unwrap_or((0, 0, 1));
        (first..end.min(words.len())).step_by(step)
    }

    /// The first place, the place behind the last one, and the step.
    fn bounds(&self, words: &[&[u8]]) -> Option<(usize, usize, usize)> {
        let begin = match self.begin {
            Begin::Index(index) => index,
            Begin::Filled(index) => {
                Some(index).filter(|index| words.get(*index).is_some_and(|word| !word.is_empty()))?
            }
            Begin::Keyword(keyword, from) => find_keyword(words, keyword, from)? + 1,
        };
        Some(match self.find {
            Find::Range { last, step } => {
                let last = isize::from(last);
                let end =
                    if last < 0 { words.len().checked_add_signed(last + 1)? } else { begin + last.unsigned_abs() + 1 };
                (begin, end, step)
            }
            Find::Half => (begin, begin + words.len().checked_sub(begin)? / 2, 1),
            Find::Count { step } => {
                let count: usize = std::str::from_utf8(words.get(begin)?).ok()?.parse().ok()?;
                (begin + 1, begin.checked_add(1)?.checked_add(count.checked_mul(step)?)?, step)
            }
        })
    }
}

/// Where the keyword stands; looked for from the end back if `from` is negative.
fn find_keyword(words: &[&[u8]], keyword: &str, from: i8) -> Option<usize> {
    let is_it = |word: &&[u8]| word.eq_ignore_ascii_case(keyword.as_bytes());
    let distance = usize::from(from.unsigned_abs());
    if from < 0 {
        let searched = words.get(..words.len().checked_sub(distance)? + 1)?;
        return searched.iter().rposition(is_it);
    }
    let found = words.get(distance..)?.iter().position(is_it)?;
    Some(found + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(spec: KeySpec, line: &str) -> Vec<usize> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        spec.places(&words).collect()
    }

    #[test]
    fn keys_are_found_where_each_pattern_says() {
        assert_eq!(places(key(1), "GET a"), [1]);
        assert_eq!(places(keys(1), "DEL a b c"), [1, 2, 3]);
        assert_eq!(places(pairs(1), "MSET a 1 b 2"), [1, 3]);
        assert_eq!(places(range(1, -2, 1), "BLPOP a b 0"), [1, 2]);
        assert_eq!(places(range(1, 1, 1), "LCS a b LEN"), [1, 2]);
        assert_eq!(places(counted(2), "EVAL script 2 a b c"), [3, 4]);
        assert_eq!(places(counted_pairs(1), "MSETEX 2 a 1 b 2 EX 5"), [2, 4]);
        assert_eq!(places(after("STORE", 2), "SORT a LIMIT 0 1 store b"), [6]);
        assert_eq!(places(all_after("KEYS", -2), "MIGRATE h 1 KEYS 0 5 KEYS a b"), [7, 8]);
        assert_eq!(places(half_after("STREAMS", 1), "XREAD COUNT 1 STREAMS a b 0 0"), [4, 5]);
    }

    #[test]
    fn a_command_that_can_be_taken_apart_has_its_keys_in_a_row() {
        let layout = |spec: KeySpec, line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            spec.layout(&words).map(|Layout { count, first, end, step }| (count, first, end, step))
        };
        assert_eq!(layout(keys(1), "DEL a b c"), Some((None, 1, 4, 1)));
        assert_eq!(layout(pairs(1), "MSET a 1 b 2"), Some((None, 1, 5, 2)));
        assert_eq!(layout(range(1, -2, 1), "JSON.MGET a b $"), Some((None, 1, 3, 1)));
        assert_eq!(layout(range(1, -1, 3), "JSON.MSET a $ 1 b $ 2"), Some((None, 1, 7, 3)));
        assert_eq!(layout(counted_pairs(1), "MSETEX 2 a 1 b 2 EX 5"), Some((Some(1), 2, 6, 2)));
        assert_eq!(layout(pairs(1), "MSET a 1 b"), None, "a value is missing");
        assert_eq!(layout(counted_pairs(1), "MSETEX 3 a 1 b 2"), None, "there are fewer");
        assert_eq!(layout(half_after("STREAMS", 1), "XREAD STREAMS a b 0 0"), None);
    }

    #[test]
    fn words_that_do_not_fit_the_pattern_name_no_key() {
        for (spec, line) in [
            (key(1), "GET"),
            (range(1, -2, 1), "BLPOP"),
            (counted(2), "EVAL script many a"),
            (counted(2), "EVAL script -1 a"),
            (counted(2), "EVAL"),
            (after("STORE", 2), "SORT a STORE"),
            (half_after("STREAMS", 4), "XREADGROUP GROUP g c"),
            (all_after("KEYS", -2), "MIGRATE"),
        ] {
            assert_eq!(places(spec, line), [0; 0], "{line}");
        }
        assert_eq!(places(counted(2), "EVAL script 99999999999999999999 a"), [0; 0]);
        assert_eq!(places(counted(2), "EVAL script 18446744073709551615 a"), [0; 0]);
        assert_eq!(places(counted(2), "EVAL script 9 a"), [3], "as many as there are");
    }
}
