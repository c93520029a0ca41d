//! Which request is answered by what.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use tracing::debug;

use super::answer::{self, Answer};
use super::error::ApiError;
use super::{body, events, metrics, v1};
use crate::command::Section;
use crate::control::Desk;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-toxiproxy-request-id");

/// Answers requests.
pub(super) struct Api {
    pub(super) desk: Desk,
    /// Drawn once, so that the requests of two runs can be told apart in one log.
    run: u32,
    requests: AtomicU64,
}

/// A path that exists, with the names in it.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Version,
    Proxies,
    Populate,
    Reset,
    Proxy(Cow<'a, str>),
    Toxics(Cow<'a, str>),
    Toxic(Cow<'a, str>, Cow<'a, str>),
    Metrics,
    Command,
    Events,
    Show(Section),
}

impl<'a> Route<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let parts: Vec<Cow<'a, str>> = path
            .strip_prefix('/')?
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy())
            .collect();
        let words: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        Some(match words[..] {
            ["version"] => Route::Version,
            ["proxies"] => Route::Proxies,
            ["populate"] => Route::Populate,
            ["reset"] => Route::Reset,
            ["metrics"] => Route::Metrics,
            ["v1", "command"] => Route::Command,
            ["v1", "events"] => Route::Events,
            ["v1", section] => Route::Show(v1::section(section)?),
            ["proxies", proxy, ref rest @ ..] if !proxy.is_empty() => {
                let proxy = parts[1].clone();
                match rest {
                    [] => Route::Proxy(proxy),
                    ["toxics"] => Route::Toxics(proxy),
                    ["toxics", toxic] if !toxic.is_empty() => Route::Toxic(proxy, parts[3].clone()),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

impl Api {
    pub(super) fn new(desk: Desk) -> Self {
        Self { desk, run: fastrand::u32(..), requests: AtomicU64::new(0) }
    }

    /// Answers one request. `exit` takes the code of a `quit`, to be heeded when the answer has been sent.
    pub(super) async fn answer(&self, request: Request<Incoming>, exit: &OnceLock<u8>) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}{number:012x}", self.run);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut answer = self.route(request, &path, exit).await;
        debug!(id, %method, path, status = answer.status().as_u16(), "answered");
        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>, path: &str, exit: &OnceLock<u8>) -> Answer {
        // A page that a browser was lured to could reach a server on this machine by a name of its own.
        if is_browser(&request) {
            return answer::text(StatusCode::FORBIDDEN, "User agent not allowed");
        }
        match Route::parse(path) {
            None => answer::text(StatusCode::NOT_FOUND, "404 page not found"),
            Some(route) => {
                self.serve(route, request, exit).await.unwrap_or_else(|error| answer::error(&error))
            }
        }
    }

    async fn serve(
        &self,
        route: Route<'_>,
        request: Request<Incoming>,
        exit: &OnceLock<u8>,
    ) -> Result<Answer, ApiError> {
        let (get, post) = (Method::GET, Method::POST);
        let method = request.method().clone();
        let is_update = method == post || method == Method::PATCH;
        match route {
            Route::Version if method == get => Ok(version()),
            Route::Metrics if method == get => Ok(metrics::answer(&self.desk)),
            Route::Show(section) if method == get => Ok(v1::show(&self.desk, section).await),
            Route::Events if method == get => Ok(events::answer(&self.desk, request.uri().query()).await),
            Route::Command if method == post => {
                v1::command(&self.desk, &body::read(request).await?, exit).await
            }
            Route::Proxies if method == get => Ok(self.proxies()),
            Route::Proxies if method == post => self.create_proxy(&body::read(request).await?).await,
            Route::Populate if method == post => {
                let bytes = body::read(request).await;
                Ok(self.populate(bytes).await)
            }
            Route::Reset if method == post => self.reset().await,
            Route::Proxy(proxy) if method == get => self.proxy(&proxy),
            Route::Proxy(proxy) if is_update => self.update_proxy(&proxy, request).await,
            Route::Proxy(proxy) if method == Method::DELETE => self.delete_proxy(&proxy).await,
            Route::Toxics(proxy) if method == get => self.toxics(&proxy),
            Route::Toxics(proxy) if method == post => self.create_toxic(&proxy, request).await,
            Route::Toxic(proxy, toxic) if method == get => self.toxic(&proxy, &toxic),
            Route::Toxic(proxy, toxic) if is_update => self.update_toxic(&proxy, &toxic, request).await,
            Route::Toxic(proxy, toxic) if method == Method::DELETE => self.delete_toxic(&proxy, &toxic).await,
            _ => Ok(answer::empty(StatusCode::METHOD_NOT_ALLOWED)),
        }
    }
}

/// The version of Toxiproxy whose API this is. Clients compare it.
fn version() -> Answer {
    answer::bytes(StatusCode::OK, "application/json;charset=utf-8", "{\"version\": \"2.12.0\"}\n")
}

fn is_browser(request: &Request<Incoming>) -> bool {
    request.headers().get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_percent_decoded_and_a_trailing_slash_is_another_path() {
        let own = |text: &str| Cow::Owned::<str>(text.to_owned());
        assert_eq!(Route::parse("/proxies"), Some(Route::Proxies));
        assert_eq!(Route::parse("/proxies/a-%3Eb"), Some(Route::Proxy(own("a->b"))));
        assert_eq!(Route::parse("/proxies/a%2Fb/toxics"), Some(Route::Toxics(own("a/b"))));
        let toxic = Route::Toxic(own("x"), own("t 1"));
        assert_eq!(Route::parse("/proxies/x/toxics/t%201"), Some(toxic));
        for nowhere in
            ["/", "", "/proxies/", "/proxies/x/", "/version/", "/proxies/x/toxics/", "/v1", "/v1/x"]
        {
            assert_eq!(Route::parse(nowhere), None, "{nowhere:?}");
        }
    }
}
