//! A TCP proxy that can be cut.
