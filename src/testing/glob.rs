//! The glob patterns of KEYS, SCAN and PSUBSCRIBE: `*`, `?`, `[a-z]`, `[^a]` and `\` escapes.

/// Whether the whole `text` matches `pattern`. Linear in memory and without recursion: only the last star is retried.
pub(crate) fn matches(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        match step(pattern, text) {
            Some((next_pattern, next_text)) => (pattern, text) = (next_pattern, next_text),
            None if pattern.is_empty() && text.is_empty() => return true,
            None => match retry {
                Some((after_star, [_, longer @ ..])) => {
                    (pattern, text) = (after_star, longer);
                    retry = Some((after_star, longer));
                }
                _ => return false,
            },
        }
    }
}

/// One element of the pattern against one byte of the text; the rests of both if it matches.
fn step<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (byte, text) = text.split_first()?;
    let (fits, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'\\', escaped, rest @ ..] => (escaped == byte, rest),
        [b'[', rest @ ..] => class(rest, *byte),
        [literal, rest @ ..] => (literal == byte, rest),
    };
    if fits { Some((rest, text)) } else { None }
}

/// Whether `byte` is in the class that starts after `[`, and what follows the class. An unclosed class ends with the
/// pattern, as on the servers.
fn class(mut pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let negated = pattern.first() == Some(&b'^');
    if negated {
        pattern = pattern.get(1..).unwrap_or_default();
    }
    let mut found = false;
    loop {
        pattern = match pattern {
            [] => return (found != negated, pattern),
            [b']', rest @ ..] => return (found != negated, rest),
            [b'\\', escaped, rest @ ..] => {
                found |= *escaped == byte;
                rest
            }
            [from, b'-', to, rest @ ..] => {
                found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_on_the_servers() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\?llo", "hello", false),
            ("h\\?llo", "h?llo", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("[a", "a", true),
            ("a\\", "a\\", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!matches("a*".repeat(50).as_bytes(), "a".repeat(49).as_bytes()));
        assert!(!matches(format!("{}b", "*a".repeat(30)).as_bytes(), "a".repeat(2000).as_bytes()));
    }
}
