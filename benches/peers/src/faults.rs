//! `peers faults`.
pub(crate) fn all(_options: &crate::Options) -> Result<(), String> {
    Err("not yet".into())
}
