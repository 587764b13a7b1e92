//! The rules, each over one source file.

use super::plan::{
    BANNED_WORDS, CLOCKS, CRATES, Clock, DISPATCH_LINES, DISPATCHES, FILE_LINES, FUNCTION_LINES, LONG_FILES, ROOMS,
    Room, Sockets,
};
use super::tokens::{Source, Token, group_end, read};

/// A sentence for each breach in the file `path` (relative to `src/`, with slashes), and the modules it keeps for tests.
pub(crate) fn check(path: &str, text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let source = read(text);
    let module = module_of(path);
    let mut breaches = Vec::new();
    names(&module, &source, &mut breaches);
    let header = text.lines().next().and_then(|line| line.strip_prefix("//!"));
    if header.is_none_or(|words| words.trim().is_empty()) {
        breaches.push("1: the file does not begin with a `//!` header".to_owned());
    }
    let list = LONG_FILES.iter().any(|prefix| path.starts_with(prefix));
    if source.lines > FILE_LINES && !list {
        breaches.push(format!("1: {} lines without tests, at most {FILE_LINES}", source.lines));
    }
    functions(path, &source.tokens, &mut breaches);
    let room = module.first().map_or("lib", String::as_str);
    match ROOMS.iter().find(|known| known.name == room) {
        Some(room) => paths(path, room, &module, &source.tokens, &mut breaches),
        None => breaches.push(format!("1: the room `{room}` has no row in the table")),
    }
    let breaches = breaches.into_iter().map(|breach| format!("src/{path}:{breach}")).collect();
    let test_modules = source.test_modules.into_iter().map(|name| [module.clone(), vec![name]].concat()).collect();
    (breaches, test_modules)
}

/// The module that a file holds: `a/b.rs` and `a/b/mod.rs` are both `a::b`, `lib.rs` is the empty path.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

fn names(module: &[String], source: &Source, breaches: &mut Vec<String>) {
    let own = module.last().map(|name| (1, name.as_str()));
    let inline = source.tokens.windows(3).filter(|next| next[0].is_word("mod") && next[2].is_sign('{'));
    let inline = inline.filter_map(|next| next[1].word().map(|name| (next[1].line, name)));
    for (line, name) in own.into_iter().chain(inline) {
        if let Some(word) = name.split('_').find(|word| BANNED_WORDS.contains(word)) {
            breaches.push(format!("{line}: the module name `{name}` says nothing: `{word}`"));
        }
    }
    // A folder needs no file of its own name to exist.
    for name in module.iter().rev().skip(1) {
        if BANNED_WORDS.contains(&name.as_str()) {
            breaches.push(format!("1: the folder name `{name}` says nothing"));
        }
    }
}

fn functions(path: &str, tokens: &[Token], breaches: &mut Vec<String>) {
    for (at, pair) in tokens.windows(2).enumerate() {
        // `fn(u8) -> u8` is a type, and has no name.
        let (true, Some(name)) = (pair[0].is_word("fn"), pair[1].word()) else { continue };
        let Some(open) = body(tokens, at) else { continue };
        let end = group_end(tokens, open);
        let lines = tokens[end - 1].line - pair[0].line + 1;
        let limit = if DISPATCHES.contains(&(path, name)) { DISPATCH_LINES } else { FUNCTION_LINES };
        if lines > limit {
            breaches.push(format!("{}: the function `{name}` has {lines} lines, at most {limit}", pair[0].line));
        }
    }
}

/// Where the body of the function at `at` opens; nothing if it is only declared.
fn body(tokens: &[Token], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        let token = tokens.get(at)?;
        if token.is_sign('{') {
            return Some(at);
        } else if token.is_sign(';') {
            return None;
        } else if token.is_sign('(') || token.is_sign('[') {
            at = group_end(tokens, at);
        } else {
            at += 1;
        }
    }
}

fn paths(path: &str, room: &Room, module: &[String], tokens: &[Token], breaches: &mut Vec<String>) {
    let clock_excused = CLOCKS.iter().any(|(file, _)| *file == path);
    // The module that `super` is counted from, which an inline `mod` makes deeper.
    let mut inline: Vec<(usize, String)> = Vec::new();
    // Where the `use` tree ends whose paths were judged last.
    let mut seen = 0;
    for at in 0..tokens.len() {
        inline.retain(|(end, _)| at < *end);
        if let Some(name) = inline_module(tokens, at) {
            inline.push((group_end(tokens, at + 2), name.to_owned()));
        }
        let line = tokens[at].line;
        let called = tokens[at].word().filter(|word| ["elapsed", "sleep"].contains(word) && calls(tokens, at));
        if let Some(word) = called.filter(|_| room.clock == Clock::Forbidden && !clock_excused) {
            breaches.push(format!("{line}: `{}` has no clock, but calls `{word}`", room.name));
        }
        if at < seen || !begins_path(tokens, at) {
            continue;
        }
        if at >= 1 && tokens[at - 1].is_word("use") {
            // Its branches are followed from here, not met again one by one.
            seen = tokens[at..].iter().position(|token| token.is_sign(';')).map_or(tokens.len(), |length| at + length);
        }
        let here: Vec<String> = module.iter().cloned().chain(inline.iter().map(|(_, name)| name.clone())).collect();
        for (line, segments) in leaves(tokens, at) {
            let excused = clock_excused && is_clock(&segments);
            if let Some(breach) = judge(room, &here, &segments).filter(|_| !excused) {
                breaches.push(format!("{line}: {breach}"));
            }
        }
    }
}

/// What is wrong with a path in a room, if anything.
fn judge(room: &Room, here: &[String], segments: &[String]) -> Option<String> {
    let shown = segments.join("::");
    if let Some(target) = target_room(here, segments) {
        // In `lib.rs` a path may begin with `crate`, and what stands there is its own.
        if room.name == "lib" || target == room.name || room.rooms.contains(&target.as_str()) {
            return None;
        }
        return Some(if ROOMS.iter().any(|known| known.name == target) {
            format!("`{}` may not use `{target}`: {shown}", room.name)
        } else {
            format!("`{}` reaches through the root of the crate: {shown}; name the room", room.name)
        });
    }
    if room.clock == Clock::Forbidden && is_clock(segments) {
        return Some(format!("`{}` has no clock: {shown}", room.name));
    }
    if room.sockets == Sockets::Forbidden && is_socket(segments) {
        return Some(format!("`{}` has no sockets: {shown}", room.name));
    }
    let first = segments.first().map_or("", String::as_str);
    let allowed = room.crates.contains(&first) || room.name == "lib";
    (CRATES.contains(&first) && !allowed).then(|| format!("`{}` may not use the crate `{first}`: {shown}", room.name))
}

/// The room that a path through `crate` or `super` leads to.
fn target_room(here: &[String], segments: &[String]) -> Option<String> {
    let ups = segments.iter().take_while(|segment| *segment == "super").count();
    let base = match segments.first().map(String::as_str) {
        Some("crate") => &[],
        Some("super") => &here[..here.len().saturating_sub(ups)],
        _ => return None,
    };
    let rest = segments.iter().skip(ups.max(1)).map(String::as_str);
    let mut full = base.iter().map(String::as_str).chain(rest);
    // `use super::*` and `crate::*` stand for everything that is there.
    full.next().map(str::to_owned).or_else(|| Some("lib".to_owned()))
}

fn is_clock(segments: &[String]) -> bool {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    words.starts_with(&["tokio", "time"])
        || words.windows(2).any(|pair| matches!(pair, ["Instant" | "SystemTime", "now"]))
        || words.last() == Some(&"sleep")
}

fn is_socket(segments: &[String]) -> bool {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    words.first() == Some(&"socket2")
        || words.windows(2).any(|pair| match pair {
            ["tokio" | "unix", "net"] => true,
            ["net", name] => name.starts_with("Tcp") || name.starts_with("Udp") || *name == "*",
            _ => false,
        })
}

/// Whether the word at `at` is called: `x.sleep(`, `sleep(`. Not where it is declared, nor at the end of a path.
fn calls(tokens: &[Token], at: usize) -> bool {
    let declared = at >= 1 && (tokens[at - 1].is_word("fn") || tokens[at - 1].is_sign(':'));
    tokens.get(at + 1).is_some_and(|token| token.is_sign('(')) && !declared
}

/// `mod name {` at `at`.
fn inline_module(tokens: &[Token], at: usize) -> Option<&str> {
    let [keyword, name, open, ..] = tokens.get(at..)? else { return None };
    if keyword.is_word("mod") && open.is_sign('{') { name.word() } else { None }
}

/// Whether a path with more than one segment begins at `at`, or a `use` of a single name.
fn begins_path(tokens: &[Token], at: usize) -> bool {
    let behind_path = at >= 2 && tokens[at - 1].is_sign(':') && tokens[at - 2].is_sign(':');
    // `pub(in crate::x)` opens nothing that was closed.
    let visibility = at >= 1 && tokens[at - 1].is_word("in") && at >= 2 && tokens[at - 2].is_sign('(');
    let used = at >= 1 && tokens[at - 1].is_word("use");
    tokens[at].word().is_some() && !behind_path && !visibility && (used || double_colon(tokens, at + 1))
}

/// The full paths of a tree that begins at `at`, each with its line: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tokens: &[Token], at: usize) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    // The prefix and the position of each branch still to be followed.
    let mut branches = vec![(Vec::new(), at)];
    while let Some((mut path, mut at)) = branches.pop() {
        let line = tokens.get(at).map_or(0, |token| token.line);
        while let Some(token) = tokens.get(at) {
            if token.is_sign('{') {
                branches.extend(group_entries(tokens, at).map(|entry| (path.clone(), entry)));
                path.clear();
                break;
            }
            if token.is_sign('*') {
                path.push("*".to_owned());
            } else if let Some(word) = token.word().filter(|word| *word != "self" || path.is_empty()) {
                path.push(word.to_owned());
            }
            if !double_colon(tokens, at + 1) {
                break;
            }
            at += 3;
        }
        if !path.is_empty() {
            found.push((line, path));
        }
    }
    found
}

/// The positions of the entries of a `use` group that opens at `open`.
fn group_entries(tokens: &[Token], open: usize) -> impl Iterator<Item = usize> {
    let end = group_end(tokens, open) - 1;
    let mut entries = vec![open + 1];
    let mut at = open + 1;
    while at < end {
        if tokens[at].is_sign('{') {
            at = group_end(tokens, at);
            continue;
        }
        if tokens[at].is_sign(',') {
            entries.push(at + 1);
        }
        at += 1;
    }
    entries.into_iter().filter(move |entry| *entry < end)
}

fn double_colon(tokens: &[Token], at: usize) -> bool {
    matches!(tokens.get(at..at + 2), Some([first, second]) if first.is_sign(':') && second.is_sign(':'))
}
