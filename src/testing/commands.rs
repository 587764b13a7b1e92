//! From a client's bytes to commands.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::resp::{Decoder, Frame, Kind, Limits, Reason, View};

use super::failure::Failure;

/// Cuts what a client sends into commands: arrays of bulk strings, or lines of words as a human types them.
#[derive(Debug)]
pub(crate) struct Commands {
    decoder: Decoder,
    place: Place,
}

/// Where in the stream the next byte is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Between,
    /// The decoder has seen the beginning of an array.
    InsideArray,
}

impl Commands {
    pub(crate) fn new() -> Self {
        let mut limits = Limits::default();
        (limits.depth, limits.elements) = (1, MOST_WORDS);
        Commands { decoder: Decoder::new(limits), place: Place::Between }
    }

    /// Takes the next command, never an empty one, from the front of `buffer`. `None`: more bytes are needed.
    /// Fails if the connection must be closed with this error.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Vec<Bytes>>, Failure> {
        loop {
            if self.place == Place::Between {
                match buffer.first() {
                    None => return Ok(None),
                    Some(b'*') => {}
                    Some(_) => match line(buffer)? {
                        None => return Ok(None),
                        Some(words) if words.is_empty() => continue,
                        Some(words) => return Ok(Some(words)),
                    },
                }
            }
            let Some(frame) = self.decoder.decode(buffer, 1).map_err(|error| protocol_error(error.reason))? else {
                self.place = Place::InsideArray;
                return Ok(None);
            };
            self.place = Place::Between;
            let words = words(&frame)?;
            if !words.is_empty() {
                return Ok(Some(words));
            }
        }
    }

    /// How many more bytes the command at the front of the buffer needs at least.
    pub(crate) fn needed(&self) -> usize {
        self.decoder.needed()
    }
}

fn words(frame: &Frame) -> Result<Vec<Bytes>, Failure> {
    let items = match frame.reply().view() {
        Ok(View::Array(items)) => items,
        Ok(View::Null) => return Ok(Vec::new()),
        _ => return Err(Failure::of("ERR Protocol error: expected '*'")),
    };
    let word = |item: crate::resp::Reply<'_>| item.to_bytes().filter(|_| item.kind() == Kind::BulkString);
    items.map(|item| word(item).ok_or(Failure::of("ERR Protocol error: expected '$'"))).collect()
}

/// Takes a line and splits it at blanks.
fn line(buffer: &mut BytesMut) -> Result<Option<Vec<Bytes>>, Failure> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        let too_long = buffer.len() > LONGEST_LINE;
        return if too_long { Err(Failure::of("ERR Protocol error: too big inline request")) } else { Ok(None) };
    };
    let line = buffer.split_to(end);
    buffer.advance(1);
    let words = line[..].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Ok(Some(words.map(Bytes::copy_from_slice).collect()))
}

fn protocol_error(reason: Reason) -> Failure {
    match reason {
        Reason::TooManyElements => Failure::of("ERR Protocol error: invalid multibulk length"),
        Reason::UnknownType(byte) => {
            Failure::new(format!("ERR Protocol error: expected '$', got '{}'", char::from(byte).escape_default()))
        }
        _ => Failure::of("ERR Protocol error: invalid bulk length"),
    }
}

/// Words of a command, at most, as on the servers.
const MOST_WORDS: u32 = 1 << 20;
/// Bytes of a command that comes as a line, at most, as on the servers.
const LONGEST_LINE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Vec<Bytes>>, Failure> {
        let (mut commands, mut buffer, mut found) = (Commands::new(), BytesMut::new(), Vec::new());
        for byte in bytes {
            buffer.extend_from_slice(&[*byte]);
            while let Some(command) = commands.next(&mut buffer)? {
                found.push(command);
            }
        }
        Ok(found)
    }

    #[test]
    fn arrays_and_lines_may_follow_each_other_in_any_pieces() {
        let found =
            all(b"PING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\r\n*0\r\n*-1\r\nset  k v\n*1\r\n$4\r\nQUIT\r\n").unwrap();
        assert_eq!(found, [&["PING"][..], &["GET", "k"], &["set", "k", "v"], &["QUIT"]]);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for bad in
            ["*1\r\n:1\r\n", "*1\r\n*1\r\n$1\r\na\r\n", "*2000000\r\n", "*1\r\n$999999999999\r\n", "*1\r\n$x\r\n"]
        {
            let failure = all(bad.as_bytes()).unwrap_err().line();
            assert!(failure.starts_with(b"ERR Protocol error: "), "{bad:?}: {failure:?}");
        }
        assert!(Commands::new().next(&mut BytesMut::from(&[b'x'; LONGEST_LINE + 1][..])).is_err());
    }
}
