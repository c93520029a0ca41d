//! Bodies: bounded in size and time, and read as leniently as Toxiproxy reads them.
//!
//! That is: field names in any case, unknown fields passed over, `null` as if it were not there, and whatever comes
//! behind the first value ignored. Types are strict: no number is a string.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Request, StatusCode};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::error::ApiError;

/// Longest body: a hundred times a generous list of proxies.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Longest wait for a body, the same as Toxiproxy's.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The whole body.
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, ApiError> {
    let body = request.into_body();
    // What the header announces need not be waited for.
    if body.size_hint().lower() > u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(ApiError::bad_body(error)),
        Err(_) => Err(ApiError::bad_body(format!("not complete after {BODY_TIMEOUT:?}"))),
    }
}

fn too_large() -> ApiError {
    let text = format!("bad request body: more than {BODY_BYTES_MAX} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// The first JSON value of a body.
pub(super) fn value(bytes: &[u8]) -> Result<Value, ApiError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
    values.next().ok_or_else(|| ApiError::bad_body("EOF"))?.map_err(ApiError::bad_body)
}

/// The fields of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        Self::of(value(bytes)?)
    }

    pub(super) fn of(value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            Value::Null => Ok(Self::default()),
            other => Err(ApiError::bad_body(format!("an object is expected, not {}", kind(&other)))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.typed(name, "a number", Value::as_f64)
    }

    pub(super) fn object(&self, name: &str) -> Result<Map<String, Value>, ApiError> {
        let found = self.typed(name, "an object", |value| value.as_object().cloned())?;
        Ok(found.unwrap_or_default())
    }

    pub(super) fn list(&self, name: &str) -> Result<Vec<Value>, ApiError> {
        Ok(self.typed(name, "an array", |value| value.as_array().cloned())?.unwrap_or_default())
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let found = self.0.get(name).or_else(|| {
            self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        match found {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                ApiError::bad_body(format!("{name}: {wanted} is expected, not {}", kind(value)))
            }),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_like_go_reads_it() {
        let fields = Fields::parse(br#"{"NAME":"x","enabled":null,"more":[1]} and more"#).unwrap();
        assert_eq!(fields.text("name").unwrap().as_deref(), Some("x"));
        assert_eq!(fields.flag("enabled").unwrap(), None);
        assert!(Fields::parse(b"null").unwrap().0.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        let error = |bytes: &[u8]| match Fields::parse(bytes).and_then(|fields| fields.text("name")) {
            Ok(found) => panic!("{found:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(error(b""), "bad request body: EOF");
        assert_eq!(error(b"[]"), "bad request body: an object is expected, not an array");
        assert_eq!(error(br#"{"name":4}"#), "bad request body: name: a string is expected, not a number");
        assert!(error(b"{").starts_with("bad request body: EOF while parsing"));
    }
}
