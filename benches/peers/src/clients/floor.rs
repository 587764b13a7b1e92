//! The floor: the least a multiplexed client can do and still be correct on a socket that never fails.
//!
//! A buffer and a list of reply slots under one mutex, one task that owns the socket, one slot per call. No
//! deadlines, no error replies, no reconnect: what remains is the cost of the mechanism itself. It does GET and SET
//! only.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io::{self, Write},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;

use crate::work::Work;

#[derive(Clone)]
pub struct Floor {
    mailbox: Arc<Mutex<Mailbox>>,
}

/// What callers have asked for and the driver has not taken yet.
#[derive(Default)]
struct Mailbox {
    log: Vec<u8>,
    slots: Vec<Arc<Slot>>,
    /// The driver's waker while it is parked.
    parked: Option<Waker>,
}

#[derive(Default)]
struct Slot(Mutex<SlotState>);

#[derive(Default)]
enum SlotState {
    #[default]
    Empty,
    Waiting(Waker),
    Answered(Bytes),
}

impl Slot {
    fn fill(&self, reply: Bytes) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap(), SlotState::Answered(reply));
        if let SlotState::Waiting(waker) = before {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut state = self.0.lock().unwrap();
        match std::mem::take(&mut *state) {
            SlotState::Answered(reply) => Poll::Ready(reply),
            SlotState::Waiting(waker) if waker.will_wake(cx.waker()) => {
                *state = SlotState::Waiting(waker);
                Poll::Pending
            }
            _ => {
                *state = SlotState::Waiting(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Floor {
    async fn call(&self, arguments: &[&[u8]]) -> Bytes {
        let slot = Arc::new(Slot::default());
        self.submit(arguments, slot.clone());
        poll_fn(|cx| slot.poll(cx)).await
    }

    fn submit(&self, arguments: &[&[u8]], slot: Arc<Slot>) {
        let parked = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            encode(scratch, arguments);
            let mut mailbox = self.mailbox.lock().unwrap();
            mailbox.log.extend_from_slice(scratch);
            mailbox.slots.push(slot);
            mailbox.parked.take()
        });
        if let Some(driver) = parked {
            driver.wake();
        }
    }
}

impl super::Client for Floor {
    fn supports(work: Work) -> bool {
        !matches!(work, Work::Pipeline | Work::Lrange | Work::LrangeStrings)
    }

    async fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("connect");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let mut driver = Driver::new(socket, mailbox.clone());
        tokio::spawn(async move { poll_fn(|cx| driver.poll(cx)).await });
        Self { mailbox }
    }

    async fn get(&mut self, key: &str) -> usize {
        self.call(&[b"GET", key.as_bytes()]).await.len()
    }

    async fn set(&mut self, key: &str, value: &Bytes) {
        assert_eq!(self.call(&[b"SET", key.as_bytes(), value]).await, "OK");
    }

    async fn pipeline_set(&mut self, _keys: &[String], _value: &Bytes) {
        unimplemented!("see supports()")
    }

    async fn lrange(&mut self, _key: &str) -> usize {
        unimplemented!("see supports()")
    }

    async fn lrange_strings(&mut self, _key: &str) -> usize {
        unimplemented!("see supports()")
    }
}

struct Driver {
    socket: TcpStream,
    mailbox: Arc<Mutex<Mailbox>>,
    inflight: VecDeque<Arc<Slot>>,
    /// The log being written; bytes before `written` are in the socket.
    outbox: Vec<u8>,
    written: usize,
    inbox: BytesMut,
    /// The slots last taken from the mailbox, kept for their allocation.
    taken: Vec<Arc<Slot>>,
    /// Whether the callers woken so far have had their turn to put in more before the next write.
    gathered: bool,
}

impl Driver {
    fn new(socket: TcpStream, mailbox: Arc<Mutex<Mailbox>>) -> Self {
        Self {
            socket,
            mailbox,
            inflight: VecDeque::new(),
            outbox: Vec::new(),
            written: 0,
            inbox: BytesMut::new(),
            taken: Vec::new(),
            gathered: false,
        }
    }

    /// Reads first: that frees callers, whose next commands then leave in one write.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.socket.poll_read_ready(cx).is_ready() {
            self.inbox.reserve(READ_SIZE.max(missing(&self.inbox)));
            match self.socket.try_read_buf(&mut self.inbox) {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => self.deliver(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("read: {error}"),
            }
        }
        // A caller's wake-up puts this task at the head of the run queue, before the other callers that are ready.
        // Stepping back once lets them in, so that their commands leave in one write.
        if !self.gathered {
            self.gathered = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.gathered = false;
        loop {
            if self.written == self.outbox.len() && !self.take(cx) {
                return Poll::Pending;
            }
            if self.socket.poll_write_ready(cx).is_pending() {
                return Poll::Pending;
            }
            match self.socket.try_write(&self.outbox[self.written..]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("write: {error}"),
            }
        }
    }

    /// Swaps buffers with the mailbox; parks and returns false if there is nothing in it.
    fn take(&mut self, cx: &Context<'_>) -> bool {
        self.outbox.clear();
        self.written = 0;
        let mut mailbox = self.mailbox.lock().unwrap();
        if mailbox.log.is_empty() {
            mailbox.parked = Some(cx.waker().clone());
            return false;
        }
        std::mem::swap(&mut mailbox.log, &mut self.outbox);
        std::mem::swap(&mut mailbox.slots, &mut self.taken);
        drop(mailbox);
        self.inflight.extend(self.taken.drain(..));
        true
    }

    fn deliver(&mut self) {
        while let Some((start, end, next)) = frame(&self.inbox) {
            let reply = if end - start < SMALL {
                let reply = Bytes::copy_from_slice(&self.inbox[start..end]);
                self.inbox.advance(next);
                reply
            } else {
                self.inbox.split_to(next).freeze().slice(start..end)
            };
            self.inflight.pop_front().expect("a reply has a command").fill(reply);
        }
    }
}

/// Payload start, payload end and total length of the first reply, if it is complete.
fn frame(buf: &[u8]) -> Option<(usize, usize, usize)> {
    let (line_end, length) = header(buf)?;
    match buf[0] {
        b'+' => Some((1, line_end, line_end + 2)),
        b'$' => {
            let start = line_end + 2;
            (buf.len() >= start + length + 2).then_some((start, start + length, start + length + 2))
        }
        _ => panic!("a reply the floor doesn't know: {:?}", String::from_utf8_lossy(&buf[..line_end])),
    }
}

/// How many bytes the first reply lacks, as far as is known.
fn missing(buf: &[u8]) -> usize {
    match header(buf) {
        Some((line_end, length)) if buf[0] == b'$' => (line_end + length + 4).saturating_sub(buf.len()),
        _ => 0,
    }
}

/// Where the first line ends, and the number on it.
fn header(buf: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (at, byte) in buf.iter().enumerate().skip(1) {
        match byte {
            b'\r' => return (buf.len() > at + 1).then_some((at, number)),
            b'0'..=b'9' => number = number * 10 + usize::from(byte - b'0'),
            _ => {}
        }
    }
    None
}

fn encode(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    write!(out, "*{}\r\n", arguments.len()).expect("a Vec takes any bytes");
    for argument in arguments {
        write!(out, "${}\r\n", argument.len()).expect("a Vec takes any bytes");
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

const READ_SIZE: usize = 64 * 1024;
/// Replies below this are copied out, so that they don't keep the read buffer alive.
const SMALL: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_where_the_reply_ends() {
        assert_eq!(frame(b"$3\r\nabc\r\n+OK\r\n"), Some((4, 7, 9)));
        assert_eq!(frame(b"+OK\r\n"), Some((1, 3, 5)));
        assert_eq!(frame(b"$3\r\nabc\r"), None);
        assert_eq!(missing(b"$3\r\nab"), 3);
    }
}
