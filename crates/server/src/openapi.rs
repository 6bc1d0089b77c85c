//! `vestibule openapi`.

/// x
pub fn render() -> String { String::new() }
