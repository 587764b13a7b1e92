//! The works that every client does.

/// One row of the speed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Get64,
    Get1000,
    Get1,
    Set1k,
    Pipeline,
    Lrange,
    LrangeStrings,
    Get1m,
    Allocations,
}

impl Work {
    pub const ALL: &[Self] = &[
        Self::Get64,
        Self::Get1000,
        Self::Get1,
        Self::Set1k,
        Self::Pipeline,
        Self::Lrange,
        Self::LrangeStrings,
        Self::Get1m,
        Self::Allocations,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Get64 => "get-64",
            Self::Get1000 => "get-1000",
            Self::Get1 => "get-1",
            Self::Set1k => "set-1k",
            Self::Pipeline => "pipeline",
            Self::Lrange => "lrange",
            Self::LrangeStrings => "lrange-strings",
            Self::Get1m => "get-1m",
            Self::Allocations => "allocs",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Get64 => "GET 64 B, 64 tasks",
            Self::Get1000 => "GET 64 B, 1000 tasks",
            Self::Get1 => "GET 64 B, 1 task",
            Self::Set1k => "SET 1 KiB, 64 tasks",
            Self::Pipeline => "pipeline of 100 SET, 4 tasks (per SET)",
            Self::Lrange => "LRANGE of 1000, 8 tasks (per call)",
            Self::LrangeStrings => "LRANGE of 1000 into Vec<String>, 8 tasks (per call)",
            Self::Get1m => "GET 1 MiB, 8 tasks (per call)",
            Self::Allocations => "heap allocations per GET 64 B, 64 tasks",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|work| work.name() == name)
    }

    pub fn tasks(self) -> usize {
        match self {
            Self::Get64 | Self::Set1k | Self::Allocations => 64,
            Self::Get1000 => 1000,
            Self::Get1 => 1,
            Self::Pipeline => 4,
            Self::Lrange | Self::LrangeStrings | Self::Get1m => 8,
        }
    }

    /// Operations that one call counts for.
    pub fn per_call(self) -> u64 {
        if self == Self::Pipeline { PIPELINE as u64 } else { 1 }
    }
}

/// SETs in one pipeline.
pub const PIPELINE: usize = 100;
/// Elements of the list.
pub const LIST: usize = 1000;
/// Bytes of a small value and of a list element.
pub const SMALL: usize = 64;
/// Bytes of the value that SET writes.
pub const MIDDLE: usize = 1024;
/// Bytes of the large value.
pub const LARGE: usize = 1 << 20;
/// Keys with small values, one per task.
pub const KEYS: usize = 1000;

/// The key that task `n` reads or writes.
pub fn key(n: usize) -> String {
    format!("key:{n:06}")
}

pub const LIST_KEY: &str = "list";
pub const LARGE_KEY: &str = "large";
