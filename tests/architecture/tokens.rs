//! Rust source as tokens with line numbers: comments and literals are gone, and so is what is compiled for tests only.

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(String),
    Sign(char),
    /// A string, character or number, or a lifetime.
    Literal,
}

/// A source file as the rules see it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) tokens: Vec<Token>,
    /// How many lines it has without those that are compiled for tests only.
    pub(crate) lines: usize,
    /// Names of the modules that are files of their own and compiled for tests only.
    pub(crate) test_modules: Vec<String>,
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }

    pub(crate) fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Reads a source file.
pub(crate) fn read(text: &str) -> Source {
    let all = tokenize(text);
    let mut source = Source { tokens: Vec::new(), lines: text.lines().count(), test_modules: Vec::new() };
    let mut at = 0;
    while at < all.len() {
        let Some(item) = test_attribute(&all, at) else {
            source.tokens.push(all[at].clone());
            at += 1;
            continue;
        };
        let end = item_end(&all, item);
        source.lines -= all[end - 1].line - all[at].line + 1;
        if let [keyword, name, semicolon] = &all[skip_visibility(&all, item)..end] {
            if keyword.is_word("mod") && semicolon.is_sign(';') {
                source.test_modules.extend(name.word().map(str::to_owned));
            }
        }
        at = end;
    }
    source
}

/// Where the group that opens at `open` ends: the index behind its closing sign.
pub(crate) fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// If `#[cfg(test)]` or one of its like stands at `at`, where the item begins that it belongs to.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let [hash, open, cfg, ..] = tokens.get(at..)? else { return None };
    if !(hash.is_sign('#') && open.is_sign('[') && cfg.is_word("cfg")) {
        return None;
    }
    let end = group_end(tokens, at + 1);
    let has = |word| tokens[at..end].iter().any(|token| token.is_word(word));
    // `any(test, ...)` is compiled for others as well, and `not(test)` for all but the tests.
    if !has("test") || has("not") || has("any") {
        return None;
    }
    let mut item = end;
    while tokens.get(item).is_some_and(|token| token.is_sign('#')) {
        item = group_end(tokens, item + 1);
    }
    Some(item)
}

/// Where an item ends: behind its body or its semicolon; a field, variant or argument behind its comma.
fn item_end(tokens: &[Token], begin: usize) -> usize {
    let keyword = tokens.get(skip_visibility(tokens, begin)).and_then(Token::word);
    let is_item = keyword.is_some_and(|word| ITEMS.contains(&word));
    let mut at = begin;
    while at < tokens.len() {
        match tokens[at].kind {
            Kind::Sign('(' | '[') => at = group_end(tokens, at),
            Kind::Sign('{') => {
                let end = group_end(tokens, at);
                // `use a::{b};` goes on behind its braces.
                return if tokens.get(end).is_some_and(|token| token.is_sign(';')) { end + 1 } else { end };
            }
            Kind::Sign(';') => return at + 1,
            Kind::Sign(',') if !is_item => return at + 1,
            // The test-only field, variant or statement was the last of its group.
            Kind::Sign('}' | ')' | ']') => return at,
            _ => at += 1,
        }
    }
    tokens.len()
}

fn skip_visibility(tokens: &[Token], begin: usize) -> usize {
    match tokens.get(begin) {
        Some(token) if token.is_word("pub") => match tokens.get(begin + 1) {
            Some(next) if next.is_sign('(') => group_end(tokens, begin + 1),
            _ => begin + 1,
        },
        _ => begin,
    }
}

fn tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let (end, kind) = scan(&chars, at);
        if let Some(kind) = kind {
            tokens.push(Token { kind, line });
        }
        line += chars[at..end].iter().filter(|letter| **letter == '\n').count();
        at = end;
    }
    tokens
}

/// The token at `at`, or nothing for space and comments, and where the next one begins.
fn scan(chars: &[char], at: usize) -> (usize, Option<Kind>) {
    let next = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    match chars[at] {
        letter if letter.is_whitespace() => (at + 1, None),
        '/' if next(1) == '/' => (until(chars, at, |letter| letter == '\n'), None),
        '/' if next(1) == '*' => (block_comment_end(chars, at), None),
        '"' => (string_end(chars, at), Some(Kind::Literal)),
        '\'' => (quote_end(chars, at), Some(Kind::Literal)),
        digit if digit.is_ascii_digit() => (until(chars, at, |letter| !is_word_letter(letter)), Some(Kind::Literal)),
        letter if is_word_letter(letter) => {
            let end = until(chars, at, |letter| !is_word_letter(letter));
            let word: String = chars[at..end].iter().collect();
            match (word.as_str(), chars.get(end)) {
                ("r" | "br" | "cr", Some('"' | '#')) if raw_string_end(chars, end).is_some() => {
                    (raw_string_end(chars, end).unwrap_or(end), Some(Kind::Literal))
                }
                ("b" | "c", Some('"')) => (string_end(chars, end), Some(Kind::Literal)),
                ("b", Some('\'')) => (quote_end(chars, end), Some(Kind::Literal)),
                _ => (end, Some(Kind::Word(word))),
            }
        }
        sign => (at + 1, Some(Kind::Sign(sign))),
    }
}

fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn until(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|letter| stop(*letter)).map_or(chars.len(), |offset| from + offset)
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (at, depth) = (at + 2, depth + 1),
            ('*', '/') => {
                (at, depth) = (at + 2, depth - 1);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `from` stands behind the `r`. `None` for a raw word such as `r#type`.
fn raw_string_end(chars: &[char], from: usize) -> Option<usize> {
    let open = until(chars, from, |letter| letter != '#');
    let hashes = open - from;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut at = open + 1;
    loop {
        at = until(chars, at, |letter| letter == '"') + 1;
        if at > chars.len() {
            return Some(chars.len());
        }
        if chars[at..].iter().take(hashes).filter(|letter| **letter == '#').count() == hashes {
            return Some(at + hashes);
        }
    }
}

/// Behind a character, or behind a lifetime, which has no second quote.
fn quote_end(chars: &[char], quote: usize) -> usize {
    match chars.get(quote + 1) {
        Some('\\') => until(chars, quote + 3, |letter| letter == '\'') + 1,
        Some(_) if chars.get(quote + 2) == Some(&'\'') => quote + 3,
        _ => until(chars, quote + 1, |letter| !is_word_letter(letter)),
    }
}

/// Words that items begin with. In those a comma may stand before the body.
const ITEMS: &[&str] = &[
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "unsafe",
    "use",
];
