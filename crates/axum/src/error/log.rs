//! What the log is told of failures.

use std::{error::Error, fmt};

use vestibule_login::alarm::Alarm;

use super::{ApiError, Code, Parts};

impl ApiError {
    /// Logs the cause, once, with the error's id; the request's span brings the correlation id. What an outage does to
    /// every request has a line now and then, and the rest in the log of whoever looks for a fault.
    pub(super) fn log(&self) {
        let Parts { id, code, status, cause, is_expected, .. } = &*self.0;
        let cause = cause.as_deref().map(|error| tracing::field::display(CauseChain(error)));
        if *is_expected || !status.is_server_error() {
            tracing::debug!(error_id = %id, code, cause, "a request was refused");
            return;
        }
        let Some(alarm) = alarm(code) else {
            tracing::error!(error_id = %id, code, cause, "a request failed");
            return;
        };
        match alarm.raise() {
            None => tracing::debug!(error_id = %id, code, cause, "a request failed"),
            // Shedding load is intended: no error.
            Some(kept_back) if *code == Code::Overloaded.as_str() => {
                tracing::warn!(error_id = %id, code, cause, kept_back, "a request was refused");
            }
            Some(kept_back) => {
                tracing::error!(error_id = %id, code, cause, kept_back, "a request failed");
            }
        }
    }
}

/// What an error says that many requests meet for one reason, and that is no fault of a request's own.
fn alarm(code: &str) -> Option<&'static Alarm> {
    static OUTAGE: Alarm = Alarm::new();
    static OVERLOAD: Alarm = Alarm::new();
    static CAPTCHA_OUTAGE: Alarm = Alarm::new();
    [(Code::Unavailable, &OUTAGE), (Code::Overloaded, &OVERLOAD), (Code::CaptchaUnavailable, &CAPTCHA_OUTAGE)]
        .into_iter()
        .find_map(|(known, alarm)| (known.as_str() == code).then_some(alarm))
}

/// Prints an error and what it came from, in one line.
struct CauseChain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for CauseChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Many errors quote what they come from.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            source = error.source();
        }
        Ok(())
    }
}
