//! `/proxies`, `/populate` and `/reset`.

use std::collections::{BTreeMap, BTreeSet};

use hyper::body::{Bytes, Incoming};
use hyper::{Request, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::answer::{self, Answer};
use super::body::{self, Fields};
use super::error::{ApiError, one};
use super::routes::Api;
use super::toxics::{ToxicAnswer, toxic_wish};
use crate::control::relays::{
    Listen, NAME_BYTES_MAX, RelayError, RelayFacts, RelayOrder, RelayPatch, RelayWish, TOXICS_MAX, all_facts,
};

/// A proxy as clients know it. The order is Toxiproxy's.
#[derive(Serialize)]
pub(super) struct ProxyAnswer<'a> {
    name: &'a str,
    listen: &'a str,
    upstream: &'a str,
    enabled: bool,
    toxics: Vec<ToxicAnswer<'a>>,
}

impl<'a> ProxyAnswer<'a> {
    pub(super) fn of(facts: &'a RelayFacts) -> Self {
        let relay = &facts.relay;
        Self {
            name: &relay.name,
            listen: &relay.listen.text,
            upstream: &relay.upstream,
            enabled: relay.is_enabled,
            toxics: facts.toxics.iter().map(|toxic| ToxicAnswer::of(toxic)).collect(),
        }
    }
}

impl Api {
    pub(super) fn proxies(&self) -> Answer {
        let all = all_facts(&self.desk.relays(), &self.desk.config().rules);
        let by_name: BTreeMap<&str, ProxyAnswer<'_>> =
            all.iter().map(|facts| (facts.relay.name.as_str(), ProxyAnswer::of(facts))).collect();
        answer::json(StatusCode::OK, &by_name)
    }

    pub(super) fn find(&self, proxy: &str) -> Result<RelayFacts, ApiError> {
        let relays = self.desk.relays();
        let relay = relays.get(proxy).ok_or(RelayError::UnknownRelay)?;
        Ok(relay.facts(&self.desk.config().rules))
    }

    pub(super) fn proxy(&self, proxy: &str) -> Result<Answer, ApiError> {
        Ok(answer::json(StatusCode::OK, &ProxyAnswer::of(&self.find(proxy)?)))
    }

    pub(super) async fn create_proxy(&self, bytes: &[u8]) -> Result<Answer, ApiError> {
        let wish = relay_wish(&Fields::parse(bytes)?, "").await?;
        let made = one(self.desk.order(RelayOrder::Create(wish)).await)?;
        Ok(answer::json(StatusCode::CREATED, &ProxyAnswer::of(&made)))
    }

    pub(super) async fn update_proxy(
        &self,
        proxy: &str,
        request: Request<Incoming>,
    ) -> Result<Answer, ApiError> {
        self.find(proxy)?;
        let fields = Fields::parse(&body::read(request).await?)?;
        let listen = match fields.text("listen")? {
            Some(text) => Some(Listen::resolve(&text).await),
            None => None,
        };
        let (upstream, is_enabled) = (fields.text("upstream")?, fields.flag("enabled")?);
        let patch = RelayPatch { listen, upstream, is_enabled };
        let order = RelayOrder::Update { relay: proxy.to_owned(), patch };
        let updated = one(self.desk.order(order).await)?;
        Ok(answer::json(StatusCode::OK, &ProxyAnswer::of(&updated)))
    }

    pub(super) async fn delete_proxy(&self, proxy: &str) -> Result<Answer, ApiError> {
        self.order_without_answer(RelayOrder::Delete { relay: proxy.to_owned() }).await
    }

    pub(super) async fn reset(&self) -> Result<Answer, ApiError> {
        self.order_without_answer(RelayOrder::Reset).await
    }

    pub(super) async fn order_without_answer(&self, order: RelayOrder) -> Result<Answer, ApiError> {
        match self.desk.order(order).await.error {
            Some(error) => Err(error.into()),
            None => Ok(answer::empty(StatusCode::NO_CONTENT)),
        }
    }

    /// Answers in one form whatever happens: what was made, and the error if there was one.
    pub(super) async fn populate(&self, bytes: Result<Bytes, ApiError>) -> Answer {
        let wishes = match bytes {
            Ok(bytes) => relay_wishes(&bytes).await,
            Err(error) => Err(error),
        };
        let (made, error) = match wishes {
            Ok(wishes) => {
                let outcome = self.desk.order(RelayOrder::Populate(wishes)).await;
                (outcome.relays, outcome.error.map(ApiError::from))
            }
            Err(error) => (Vec::new(), Some(error)),
        };
        let proxies: Vec<ProxyAnswer<'_>> = made.iter().map(ProxyAnswer::of).collect();
        let status = error.as_ref().map_or(StatusCode::CREATED, |error| error.status);
        let error = error.as_ref().map(ApiError::to_json).unwrap_or(Value::Null);
        answer::json(status, &Populated { error: &error["error"], status: &error["status"], proxies })
    }
}

#[derive(Serialize)]
struct Populated<'a> {
    #[serde(skip_serializing_if = "Value::is_null")]
    error: &'a Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    status: &'a Value,
    proxies: Vec<ProxyAnswer<'a>>,
}

/// The relays of a `/populate` or of a file: all of them are understood before any is made.
pub(super) async fn relay_wishes(bytes: &[u8]) -> Result<Vec<RelayWish>, ApiError> {
    let items = match body::value(bytes)? {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        _ => return Err(ApiError::bad_body("an array of proxies is expected")),
    };
    let (mut wishes, mut names) = (Vec::new(), BTreeSet::new());
    for (at, item) in items.into_iter().enumerate() {
        let wish = relay_wish(&Fields::of(item)?, &format!(" at proxy {}", at + 1)).await?;
        if !names.insert(wish.name.clone()) {
            return Err(ApiError::bad_request(format!("duplicate proxy name {:?}", wish.name)));
        }
        wishes.push(wish);
    }
    Ok(wishes)
}

async fn relay_wish(fields: &Fields, place: &str) -> Result<RelayWish, ApiError> {
    let required = |name: &str| {
        let found = fields.text(name)?.filter(|text| !text.is_empty());
        found.ok_or_else(|| ApiError::missing(format!("{name}{place}")))
    };
    let name = checked_name(required("name")?)?;
    let upstream = required("upstream")?;
    let is_enabled = fields.flag("enabled")?.unwrap_or(true);
    let listen = fields.text("listen")?.unwrap_or_default();
    let toxics = fields.list("toxics")?;
    if toxics.len() > TOXICS_MAX {
        return Err(RelayError::TooMany { what: "toxics of a proxy", max: TOXICS_MAX }.into());
    }
    let mut wishes = Vec::new();
    for toxic in toxics {
        let wish = toxic_wish(&Fields::of(toxic)?)?;
        if wishes.iter().any(|known: &crate::control::relays::ToxicWish| known.name == wish.name) {
            return Err(RelayError::ToxicExists.into());
        }
        wishes.push(wish);
    }
    Ok(RelayWish { name, listen: Listen::resolve(&listen).await, upstream, is_enabled, toxics: wishes })
}

pub(super) fn checked_name(name: String) -> Result<String, ApiError> {
    if name.len() <= NAME_BYTES_MAX {
        return Ok(name);
    }
    Err(ApiError::bad_request(format!("a name has at most {NAME_BYTES_MAX} bytes, not {}", name.len())))
}
