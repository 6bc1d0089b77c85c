//! The interactive documentation: Swagger UI at `/docs`, from files inside the binary, and `/openapi.json`.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, Request},
    handler::Handler,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{sync::OnceCell, task::spawn_blocking};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    error::{ApiError, Code},
    openapi::finish,
};

/// Swagger UI sets styles from its scripts; scripts, pictures and requests are the server's own.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The routes `/docs`, what it loads, and `/openapi.json`; they can be nested under any prefix.
///
/// The description may be an application's own with ours merged in, see [`crate::routes`].
///
/// # Security
/// Tokens typed into the Authorize dialog are forgotten with the page: they are not kept in the browser's storage.
pub fn docs_routes<S: Clone + Send + Sync + 'static>(openapi: OpenApi) -> Router<S> {
    let text = rendered(openapi);
    pages(move || {
        let text = text.clone();
        async move { answer_with(text) }
    })
}

/// The same for a description that is made when it is asked for first: the tree of it takes twenty times the memory of its
/// text, and most servers are never asked.
pub(crate) fn lazy_docs_routes<S>(describe: impl Fn() -> OpenApi + Send + Sync + 'static) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let (text, describe) = (Arc::new(OnceCell::new()), Arc::new(describe));
    pages(move || {
        let (text, describe) = (Arc::clone(&text), Arc::clone(&describe));
        async move {
            let made = text.get_or_init(async || {
                let made = spawn_blocking(move || rendered(describe())).await;
                made.unwrap_or_else(|error| Err(error.to_string()))
            });
            answer_with(made.await.clone())
        }
    })
}

/// A description as it is sent, or why there is none.
type Text = Result<Bytes, String>;

fn rendered(openapi: OpenApi) -> Text {
    let text = serde_json::to_vec(&finish(openapi)).map_err(|error| error.to_string())?;
    Ok(Bytes::from(text.into_boxed_slice()))
}

fn answer_with(text: Text) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(cause) => ApiError::internal(cause).into_response(),
    }
}

fn pages<S, H, T>(description: H) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S>,
    T: 'static,
{
    // Relative to the page, so that it holds under every prefix.
    let config = Config::from("../openapi.json").persist_authorization(false).try_it_out_enabled(true);
    let pages: Router<S> = SwaggerUi::new("/docs").config(config).into();
    pages.route("/openapi.json", get(description)).layer(middleware::from_fn(protect))
}

async fn protect(OriginalUri(uri): OriginalUri, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status().is_redirection()
        // Swagger UI knows nothing of the prefix that it is nested under.
        && let Ok(page) = HeaderValue::try_from(format!("{}/", uri.path()))
    {
        response.headers_mut().insert(header::LOCATION, page);
    }
    if response.status() == StatusCode::NOT_FOUND {
        return ApiError::new(Code::NotFound).into_response();
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    // The scripts are large and change with the binary only; the description is small.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str) -> (StatusCode, http::HeaderMap, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = docs_routes(OpenApi::default()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn the_page_and_all_it_loads_come_from_here() {
        let (status, headers, page) = get("/docs/").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CONTENT_SECURITY_POLICY);
        // `script-src 'self'` would stop inline scripts.
        for script in page.split("<script").skip(1) {
            assert!(script.trim_start().starts_with("src=\"./"), "{script}");
        }
        for loaded in page.split(['"', '\'']).filter(|text| text.starts_with("./")) {
            let (status, headers, text) = get(&format!("/docs/{}", loaded.trim_start_matches("./"))).await;
            assert_eq!(status, StatusCode::OK, "{loaded}");
            let media_type = headers[header::CONTENT_TYPE].to_str().unwrap();
            let is_true = ["text/javascript", "text/css", "image/png"].contains(&media_type);
            assert!(is_true, "nosniff needs a true type: {loaded} {media_type}");
            assert!(!text.is_empty());
        }
    }

    #[tokio::test]
    async fn the_page_without_a_slash_leads_to_it() {
        let (status, headers, _) = get("/docs").await;
        assert!(status.is_redirection());
        assert_eq!(headers[header::LOCATION], "/docs/");
        let nested: Router = Router::new().nest("/a/b", docs_routes(OpenApi::default()));
        let request = Request::builder().uri("/a/b/docs").body(Body::empty()).unwrap();
        let response = nested.oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::LOCATION], "/a/b/docs/");
    }

    #[tokio::test]
    async fn the_initialiser_names_our_description_and_keeps_no_token() {
        let (_, _, script) = get("/docs/swagger-initializer.js").await;
        assert!(script.contains("\"../openapi.json\""), "{script}");
        assert!(
            !script.contains("\"persistAuthorization\": true") && !script.contains("{{config}}"),
            "{script}"
        );
        let (status, headers, text) = get("/openapi.json").await;
        assert_eq!(
            (status, &headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &HeaderValue::from_static("application/json"))
        );
        assert!(text.contains("\"openapi\":\"3.1"));
    }

    #[tokio::test]
    async fn a_missing_file_is_a_problem() {
        for path in ["/docs/nothing.js", "/docs/..%2f..%2fetc/passwd", "/docs/%ff"] {
            let (status, headers, _) = get(path).await;
            assert!(status.is_client_error(), "{path}");
            if status == StatusCode::NOT_FOUND {
                assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
            }
        }
    }
}
