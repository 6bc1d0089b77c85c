//! HTML that escapes whatever is not part of the program.

/// A piece of HTML. Only literals of the program get in as they are.
#[derive(Clone, Debug, Default)]
pub struct Html(String);

impl Html {
    /// Adds markup.
    #[must_use]
    pub fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Adds a text, for between tags or in a quoted attribute.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(character),
            }
        }
        self
    }

    /// Adds another piece.
    #[must_use]
    pub fn html(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// Adds a text between an opening and a closing tag.
    #[must_use]
    pub fn element(self, opening: &'static str, text: &str, closing: &'static str) -> Self {
        self.raw(opening).text(text).raw(closing)
    }

    /// The HTML.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_literal_is_escaped() {
        let html = Html::default().element("<p title=\"", "a\"'<b>&amp;", "\">");
        assert_eq!(html.into_string(), "<p title=\"a&quot;&#39;&lt;b&gt;&amp;amp;\">");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text in "\\PC{0,60}") {
            let html = Html::default().text(&text).into_string();
            prop_assert!(!html.contains(['<', '>', '"', '\'']));
        }
    }
}
