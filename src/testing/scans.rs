//! SCAN and its kin.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, keyword};
use super::content::{Hash, Set};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::glob;
use super::sorted_set::SortedSet;
use super::values::{bulk, bulks};

pub(crate) const COMMANDS: &[Command] =
    &[row("scan", -2, scan), row("hscan", -3, hscan), row("sscan", -3, sscan), row("zscan", -3, zscan)];

/// The options of a scan.
struct Options<'a> {
    pattern: Option<&'a Bytes>,
    wanted_type: Option<String>,
    limit: usize,
}

/// What is scanned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Keys,
    Elements,
}

impl<'a> Options<'a> {
    fn of(mut words: &'a [Bytes], over: Over) -> Result<Self, Failure> {
        let mut options = Options { pattern: None, wanted_type: None, limit: 10 };
        while let [word, argument, rest @ ..] = words {
            match keyword(word).as_str() {
                "MATCH" => options.pattern = Some(argument),
                "TYPE" if over == Over::Keys => options.wanted_type = Some(keyword(argument).to_ascii_lowercase()),
                "COUNT" => match usize::try_from(integer(argument)?) {
                    Ok(number) if number > 0 => options.limit = number,
                    _ => return Err(Failure::SYNTAX),
                },
                _ => return Err(Failure::SYNTAX),
            }
            words = rest;
        }
        if words.is_empty() { Ok(options) } else { Err(Failure::SYNTAX) }
    }

    fn fits(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// A cursor is the place of the next key, so a key that lives through the whole scan is seen exactly once.
fn scan(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let cursor = cursor(&command[1])?;
    let options = Options::of(command.get(2..).unwrap_or_default(), Over::Keys)?;
    let keys = call.database().keys();
    let mut rows = keys.keys_from(cursor);
    let page: Vec<&Bytes> = rows.by_ref().take(options.limit).map(|(_, key)| key).collect();
    let next = rows.next().map_or(0, |(place, _)| place);
    let is_wanted_type = |key: &Bytes| match &options.wanted_type {
        Some(wanted) => keys.get(key).is_some_and(|entry| entry.content.type_name() == wanted),
        None => true,
    };
    let found = page.into_iter().filter(|key| options.fits(key) && is_wanted_type(key));
    Ok(Value::Array(vec![bulk(next.to_string()), Value::Array(bulks(found))]).into())
}

fn hscan(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let options = element_options(command)?;
    let hash = call.database().read::<Hash>(&command[1])?;
    let rows = hash.into_iter().flat_map(Hash::iter).filter(|(field, _)| options.fits(field));
    Ok(only_page(rows.flat_map(|(field, value)| [field.clone(), value.clone()])))
}

fn sscan(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let options = element_options(command)?;
    let set = call.database().read::<Set>(&command[1])?;
    Ok(only_page(set.into_iter().flat_map(Set::keys).filter(|member| options.fits(member)).cloned()))
}

/// Scores are strings in both protocols.
fn zscan(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let options = element_options(command)?;
    let set = call.database().read::<SortedSet>(&command[1])?;
    let rows = set.into_iter().flat_map(SortedSet::iter).filter(|(member, _)| options.fits(member));
    Ok(only_page(rows.flat_map(|(member, score)| [member.clone(), Bytes::from(score.to_string())])))
}

fn element_options(command: &[Bytes]) -> Result<Options<'_>, Failure> {
    cursor(&command[2])?;
    Options::of(command.get(3..).unwrap_or_default(), Over::Elements)
}

fn cursor(argument: &[u8]) -> Result<u64, Failure> {
    let cursor = std::str::from_utf8(argument).ok().and_then(|cursor| cursor.parse().ok());
    cursor.ok_or(Failure::of("ERR invalid cursor"))
}

/// Everything at once, as the servers do for collections that are small.
fn only_page(items: impl Iterator<Item = Bytes>) -> super::call::Output {
    Value::Array(vec![bulk("0"), Value::Array(items.map(bulk).collect())]).into()
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;

    #[test]
    fn a_scan_sees_every_key_that_stays_once_whatever_else_changes() {
        let mut state = State::plain();
        for number in 0..25 {
            state.ask(&format!("SET stays:{number} v"));
            state.ask(&format!("SET goes:{number} v"));
        }
        let (mut cursor, mut seen) = (Bytes::from("0"), Vec::new());
        for round in 0.. {
            let Value::Array(answer) = state.ask(&format!("SCAN {} MATCH stays:*", cursor.escape_ascii())) else {
                panic!("no array");
            };
            let [Value::BulkString(next), Value::Array(page)] = &answer[..] else { panic!("{answer:?}") };
            seen.extend(page.clone());
            state.ask(&format!("DEL goes:{round}"));
            state.ask(&format!("SET new:{round} v"));
            cursor = next.clone();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen, (0..25).map(|number| Value::bulk(format!("stays:{number}"))).collect::<Vec<_>>());
    }
}
