//! Placeholder until the first code arrives.
fn main() {}
