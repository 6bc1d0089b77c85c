//! What a page says where the engine or the form fails.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use super::words::Words;
use crate::error::{ApiError, Code};

/// A failure as a person is told of it.
pub(super) struct Failure {
    /// What a program would be answered.
    answer: Response,
    pub(super) sentence: String,
}

impl Failure {
    /// Logs the error as every answer does, and puts it into words.
    pub(super) fn of(error: ApiError, words: &Words) -> Self {
        let code = error.code();
        let answer = error.into_response();
        let is = |codes: &[Code]| codes.iter().any(|known| known.as_str() == code);
        let sentence = if is(&[Code::RateLimited]) {
            let wait = minutes(answer.headers().get(header::RETRY_AFTER));
            words.too_many.replace("{wait}", &wait.to_string())
        } else if is(&[Code::Overloaded, Code::Unavailable]) {
            words.busy.to_owned()
        } else if answer.status().is_client_error() {
            words.unreadable.to_owned()
        } else {
            words.broken.to_owned()
        };
        Self { answer, sentence }
    }

    /// Gives a page the status of the failure, and says when to come again.
    pub(super) fn mark(&self, mut page: Response) -> Response {
        *page.status_mut() = self.answer.status();
        if let Some(wait) = self.answer.headers().get(header::RETRY_AFTER) {
            page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
        }
        page
    }
}

/// `Retry-After` in minutes, rounded up.
fn minutes(retry_after: Option<&HeaderValue>) -> u64 {
    let seconds = retry_after.and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
    seconds.unwrap_or_default().div_ceil(60).max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vestibule_core::values::language::Language;

    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_sentence_and_its_wait() {
        let words = Words::of(Language::English);
        for (error, status, told) in [
            (ApiError::new(Code::RateLimited).retry_after(Duration::from_secs(61)), 429, "in 2 min"),
            (ApiError::new(Code::RateLimited), 429, "in 1 min"),
            (ApiError::new(Code::Overloaded).retry_after(Duration::from_secs(1)), 503, "busy"),
            (ApiError::new(Code::Unavailable), 503, "busy"),
            (ApiError::new(Code::MalformedBody), 400, "could not be read"),
            (ApiError::internal("the cause"), 500, "on our side"),
        ] {
            let failure = Failure::of(error, words);
            assert_eq!(failure.mark(Response::default()).status().as_u16(), status);
            assert!(
                failure.sentence.contains(told) && !failure.sentence.contains('{'),
                "{}",
                failure.sentence
            );
            assert!(!failure.sentence.contains("the cause"));
        }
        let limited = ApiError::new(Code::RateLimited).retry_after(Duration::from_secs(61));
        let page = Failure::of(limited, words).mark(Response::default());
        assert_eq!(page.headers()[header::RETRY_AFTER], "61");
    }
}
