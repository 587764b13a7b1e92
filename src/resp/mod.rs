//! Bytes to values and back: RESP2 and RESP3.
