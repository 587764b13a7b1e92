//! A client of a few lines, for what a test wants to know without going through the crate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// One connection that speaks RESP2, without deadlines finer than 10 seconds for each answer.
pub(crate) struct Raw {
    stream: BufReader<Box<dyn Duplex>>,
}

impl Raw {
    /// Connects over TCP.
    pub(crate) fn tcp(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(Box::new(stream)) })
    }

    /// Connects over a Unix socket.
    pub(crate) fn unix(path: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(Box::new(stream)) })
    }

    /// Sends one command and renders its reply: strings and numbers as they are, an error with its leading `-`,
    /// null as `(nil)`, the elements of an array joined by newlines.
    pub(crate) fn call(&mut self, words: &[&str]) -> std::io::Result<String> {
        self.send(words)?;
        self.reply()
    }

    /// Sends one command and does not wait.
    pub(crate) fn send(&mut self, words: &[&str]) -> std::io::Result<()> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        self.stream.get_mut().write_all(&request)
    }

    /// Reads one reply, rendered as [`Raw::call`] says.
    pub(crate) fn reply(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (tag, rest) = line.split_at_checked(1).unwrap_or_else(|| panic!("an empty line for a reply"));
        let count = || rest.parse::<i64>().unwrap_or_else(|_| panic!("not a length: {line:?}"));
        match tag {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Ok(line.to_owned()),
            "$" if count() < 0 => Ok("(nil)".to_owned()),
            "*" if count() < 0 => Ok("(nil)".to_owned()),
            "$" => self.bulk(count() as usize),
            "*" => {
                let elements: std::io::Result<Vec<String>> = (0..count()).map(|_| self.reply()).collect();
                Ok(elements?.join("\n"))
            }
            _ => panic!("not a RESP2 reply: {line:?}"),
        }
    }

    fn bulk(&mut self, length: usize) -> std::io::Result<String> {
        let mut content = vec![0; length + 2];
        self.stream.read_exact(&mut content)?;
        content.truncate(length);
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

const PATIENCE: Duration = Duration::from_secs(10);
