//! `/proxies/{proxy}/toxics`.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::answer::{self, Answer};
use super::body::{self, Fields};
use super::error::{ApiError, one};
use super::proxies::checked_name;
use super::routes::Api;
use crate::control::relays::{RelayError, RelayFacts, RelayOrder, ToxicPatch, ToxicWish};
use crate::rule::{Attributes, Stream, Toxic, ToxicKind};

/// What a toxic's stream is unless it is given.
const STREAM_DEFAULT: &str = "downstream";

/// A toxic as clients know it. The order is Toxiproxy's.
#[derive(Serialize)]
pub(super) struct ToxicAnswer<'a> {
    attributes: Integers<'a>,
    name: &'a str,
    r#type: &'static str,
    stream: &'a str,
    toxicity: Plain,
}

impl<'a> ToxicAnswer<'a> {
    pub(super) fn of(toxic: &'a Toxic) -> Self {
        Self {
            attributes: Integers(&toxic.attributes),
            name: &toxic.name,
            r#type: toxic.kind.name(),
            stream: &toxic.stream_text,
            toxicity: Plain(toxic.toxicity),
        }
    }
}

/// The attributes that are integers: a client that parses them as such would fail on the whole answer otherwise.
struct Integers<'a>(&'a Attributes);

impl Serialize for Integers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, number) in self.0.iter().filter(|(_, number)| !number.is_f64()) {
            map.serialize_entry(name, number)?;
        }
        map.end()
    }
}

/// A probability as Go writes it: 1 and not 1.0.
struct Plain(f64);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0.0 || self.0 == 1.0 {
            return serializer.serialize_u8(u8::from(self.0 == 1.0));
        }
        serializer.serialize_f64(self.0)
    }
}

impl Api {
    pub(super) fn toxics(&self, proxy: &str) -> Result<Answer, ApiError> {
        let facts = self.find(proxy)?;
        let toxics: Vec<ToxicAnswer<'_>> = facts.toxics.iter().map(|toxic| ToxicAnswer::of(toxic)).collect();
        Ok(answer::json(StatusCode::OK, &toxics))
    }

    pub(super) fn toxic(&self, proxy: &str, toxic: &str) -> Result<Answer, ApiError> {
        shown(&self.find(proxy)?, toxic)
    }

    pub(super) async fn create_toxic(
        &self,
        proxy: &str,
        request: Request<Incoming>,
    ) -> Result<Answer, ApiError> {
        self.find(proxy)?;
        let wish = toxic_wish(&Fields::parse(&body::read(request).await?)?)?;
        let (relay, name) = (proxy.to_owned(), wish.name.clone());
        let made = one(self.desk.order(RelayOrder::AddToxic { relay, toxic: wish }).await)?;
        shown(&made, &name)
    }

    pub(super) async fn update_toxic(
        &self,
        proxy: &str,
        toxic: &str,
        request: Request<Incoming>,
    ) -> Result<Answer, ApiError> {
        shown(&self.find(proxy)?, toxic)?;
        let fields = Fields::parse(&body::read(request).await?)?;
        let patch = ToxicPatch { toxicity: toxicity(&fields)?, attributes: fields.object("attributes")? };
        let (relay, name) = (proxy.to_owned(), toxic.to_owned());
        let updated = one(self.desk.order(RelayOrder::UpdateToxic { relay, toxic: name, patch }).await)?;
        shown(&updated, toxic)
    }

    pub(super) async fn delete_toxic(&self, proxy: &str, toxic: &str) -> Result<Answer, ApiError> {
        let order = RelayOrder::RemoveToxic { relay: proxy.to_owned(), toxic: toxic.to_owned() };
        self.order_without_answer(order).await
    }
}

fn shown(facts: &RelayFacts, toxic: &str) -> Result<Answer, ApiError> {
    let found = facts.toxics.iter().find(|known| known.name == toxic).ok_or(RelayError::UnknownToxic)?;
    Ok(answer::json(StatusCode::OK, &ToxicAnswer::of(found)))
}

/// Reads a toxic; the order of the checks is Toxiproxy's.
pub(super) fn toxic_wish(fields: &Fields) -> Result<ToxicWish, ApiError> {
    let (name, kind) = (fields.text("name")?, fields.text("type")?.unwrap_or_default());
    // Some clients call it so.
    let stream = fields.text("stream")?.or(fields.text("direction")?);
    let stream_text = stream.unwrap_or_else(|| STREAM_DEFAULT.to_owned());
    let toxicity = toxicity(fields)?.unwrap_or(1.0);
    let given = fields.object("attributes")?;
    let stream = Stream::parse(&stream_text)
        .ok_or_else(|| ApiError::bad_request("stream was invalid, can be either upstream or downstream"))?;
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{kind}_{stream_text}"));
    let kind = ToxicKind::parse(&kind).ok_or_else(|| ApiError::bad_request("invalid toxic type"))?;
    let mut attributes = kind.defaults();
    kind.overlay(&mut attributes, &given).map_err(RelayError::from)?;
    Ok(ToxicWish { name: checked_name(name)?, kind, stream, stream_text, toxicity, attributes })
}

fn toxicity(fields: &Fields) -> Result<Option<f64>, ApiError> {
    match fields.number("toxicity")? {
        Some(toxicity) if !(0.0..=1.0).contains(&toxicity) => {
            Err(ApiError::bad_body(format!("toxicity: a number from 0 to 1 is expected, not {toxicity}")))
        }
        toxicity => Ok(toxicity),
    }
}
