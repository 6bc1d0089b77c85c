//! What an extractor answers where it cannot give what was asked for.

use axum::response::{IntoResponse, Response};

use crate::{
    answers::Answers, authenticator::Failure, claims::BadClaim, cookies::UnfitCookie, own_tokens::TokenError,
    refusal::Refusal,
};

/// A refused request with its answer, as the application wants it.
///
/// What goes wrong while a token is made becomes one by `?`: 500, with the cause in the log and nowhere else. A handler
/// with several kinds of errors returns [`axum::response::Result`], which takes these, too.
///
/// ```
/// use axum::{extract::State, http::HeaderMap};
/// use vestibule_login::{LoginManager, Rejection};
///
/// async fn log_in(State(login): State<LoginManager<String>>) -> Result<HeaderMap, Rejection> {
///     // … after the password has been compared.
///     let token = login.create_access_token("ada")?;
///     let mut headers = HeaderMap::new();
///     login.set_cookie(&mut headers, &token)?;
///     Ok(headers)
/// }
/// ```
#[derive(Debug)]
pub struct Rejection(Box<(Refusal, Response)>);

impl Rejection {
    pub(crate) fn new(refusal: Refusal, response: Response) -> Self {
        Self(Box::new((refusal, response)))
    }

    /// Why the request goes no further.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.0.0
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.1
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        let refusal = Refusal::Failed(failure);
        // Failures are answered alike everywhere: nothing of the request and of the application is asked for.
        let (parts, ()) = http::Request::new(()).into_parts();
        let response = Answers::default().answer(&refusal, &parts);
        Self::new(refusal, response)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        Rejection::from(self).into_response()
    }
}

/// Whoever calls can do nothing about these.
macro_rules! our_fault {
    ($($error:ty),*) => {$(
        impl From<$error> for Rejection {
            fn from(error: $error) -> Self {
                Failure::broken(error).into()
            }
        }

        impl IntoResponse for $error {
            /// 500 `internal`, which says nothing more; logged, once.
            fn into_response(self) -> Response {
                Failure::broken(self).into_response()
            }
        }
    )*};
}

our_fault!(TokenError, UnfitCookie, BadClaim);
