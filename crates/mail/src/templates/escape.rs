//! How values are written into templates.

use std::fmt::Write as _;

use minijinja::{AutoEscape, Error, Output, State, Value, escape_formatter};

/// Escapes texts in HTML, but leaves a slash alone: minijinja would write links that no person and few programs read.
pub(super) fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => {
            for c in text.chars() {
                match c {
                    '&' => out.write_str("&amp;"),
                    '<' => out.write_str("&lt;"),
                    '>' => out.write_str("&gt;"),
                    '"' => out.write_str("&quot;"),
                    '\'' => out.write_str("&#39;"),
                    _ => out.write_char(c),
                }?;
            }
            Ok(())
        }
        _ => escape_formatter(out, state, value),
    }
}
