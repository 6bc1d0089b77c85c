//! Fields of forms: each with its label, what it takes, and what is wrong with what was typed.

use vestibule_core::values::rule::RuleViolation;

use super::Html;

/// A field that must be filled in.
pub(super) struct Field<'a> {
    name: &'static str,
    /// What kind of field it is, as markup.
    kind: &'static str,
    label: &'a str,
    hint: Option<&'a str>,
    value: Option<&'a str>,
    wrong: Vec<String>,
}

impl<'a> Field<'a> {
    /// A field of an e-mail address.
    pub(super) fn email(name: &'static str, label: &'a str) -> Self {
        let kind =
            " type=\"email\" autocomplete=\"email\" autocapitalize=\"none\" spellcheck=\"false\" required";
        Self::new(name, kind, label)
    }

    /// A field of a user name.
    pub(super) fn username(name: &'static str, label: &'a str) -> Self {
        let kind =
            " type=\"text\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required";
        Self::new(name, kind, label)
    }

    /// A field of a password that is being chosen.
    pub(super) fn new_password(name: &'static str, label: &'a str) -> Self {
        let kind = " type=\"password\" autocomplete=\"new-password\" autocapitalize=\"none\" \
                    spellcheck=\"false\" required";
        Self::new(name, kind, label)
    }

    fn new(name: &'static str, kind: &'static str, label: &'a str) -> Self {
        Self { name, kind, label, hint: None, value: None, wrong: Vec::new() }
    }

    /// Says beforehand what the field takes.
    pub(super) fn with_hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Fills in what was typed. Never a password.
    pub(super) fn with_value(self, value: &'a str) -> Self {
        Self { value: Some(value).filter(|value| !value.is_empty()), ..self }
    }

    fn html(&self, is_first: bool) -> Html {
        let name = self.name;
        let mut html = Html::default().element("<div class=\"field\">\n<label for=\"", name, "\">").element(
            "",
            self.label,
            "</label>\n",
        );
        if let Some(hint) = self.hint {
            html = html.element("<p class=\"hint\" id=\"", name, "-hint\">").element("", hint, "</p>\n");
        }
        for (number, wrong) in (1..).zip(&self.wrong) {
            html = html.element("<p class=\"wrong\" id=\"", &self.wrong_id(number), "\">");
            html = html.element("", wrong, "</p>\n");
        }
        html = html.element("<input id=\"", name, "\"").element(" name=\"", name, "\"").raw(self.kind);
        if let Some(value) = self.value {
            html = html.element(" value=\"", value, "\"");
        }
        let described = self.described_by();
        if !described.is_empty() {
            html = html.element(" aria-describedby=\"", &described.join(" "), "\"");
        }
        if !self.wrong.is_empty() {
            html = html.raw(" aria-invalid=\"true\"");
        }
        if is_first {
            html = html.raw(" autofocus");
        }
        html.raw(">\n</div>\n")
    }

    fn wrong_id(&self, number: usize) -> String {
        format!("{}-wrong-{number}", self.name)
    }

    fn described_by(&self) -> Vec<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        hint.into_iter().chain((1..=self.wrong.len()).map(|number| self.wrong_id(number))).collect()
    }
}

/// Fields with what is wrong beside each; the first that is wrong, else the first of all, is where typing begins.
pub(super) fn fields_html<const N: usize>(
    mut fields: [Field<'_>; N],
    broken: &[RuleViolation],
    words: impl Fn(&RuleViolation) -> String,
) -> Html {
    for field in &mut fields {
        field.wrong = broken.iter().filter(|rule| rule.field == field.name).map(&words).collect();
    }
    let first = fields.iter().position(|field| !field.wrong.is_empty()).unwrap_or(0);
    let html = |(place, field): (usize, &Field<'_>)| field.html(place == first);
    fields.iter().enumerate().map(html).fold(Html::default(), |all, field| all.html(&field))
}
