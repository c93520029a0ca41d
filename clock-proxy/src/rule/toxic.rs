//! Toxiproxy's toxics: their names, their attributes, and the faults that they mean here.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::{Delay, Fault, Guard, Loss, Rate, RateScope, ResetAfter, Slice};

/// Toxiproxy's unit of `rate`.
const BYTES_PER_KB: u64 = 1000;

/// Longest time that is taken as said. Clients write enormous numbers for "for ever", which a clock cannot hold.
const TIME_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Part of a second that a limit of throughput may save up: fine enough that nobody sees a burst.
const BURSTS_PER_SECOND: u64 = 100;

/// What Toxiproxy calls the type of a toxic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToxicKind {
    Latency,
    Bandwidth,
    SlowClose,
    Timeout,
    ResetPeer,
    Slicer,
    LimitData,
    PacketLoss,
    Noop,
}

/// The direction of a toxic, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    Downstream,
}

impl Stream {
    /// Reads it in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "upstream" => Some(Stream::Upstream),
            "downstream" => Some(Stream::Downstream),
            _ => None,
        }
    }
}

/// A name and its number. All are integers but those of `packet_loss`.
pub(crate) type Attributes = Vec<(&'static str, Number)>;

/// An attribute of the wrong type. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute {name} takes {wanted}, not {found}")]
pub(crate) struct AttributeError {
    pub(crate) name: &'static str,
    pub(crate) wanted: &'static str,
    pub(crate) found: String,
}

/// A toxic as Toxiproxy's API shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Toxic {
    /// The relay it was made on. A flow between stations belongs to two.
    pub(crate) relay: String,
    pub(crate) name: String,
    pub(crate) kind: ToxicKind,
    pub(crate) stream: Stream,
    /// The stream in the case it was given in.
    pub(crate) stream_text: String,
    /// Probability that a connection is under it.
    pub(crate) toxicity: f64,
    pub(crate) attributes: Attributes,
}

impl ToxicKind {
    const ALL: [ToxicKind; 9] = [
        ToxicKind::Latency,
        ToxicKind::Bandwidth,
        ToxicKind::SlowClose,
        ToxicKind::Timeout,
        ToxicKind::ResetPeer,
        ToxicKind::Slicer,
        ToxicKind::LimitData,
        ToxicKind::PacketLoss,
        ToxicKind::Noop,
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            ToxicKind::Latency => "latency",
            ToxicKind::Bandwidth => "bandwidth",
            ToxicKind::SlowClose => "slow_close",
            ToxicKind::Timeout => "timeout",
            ToxicKind::ResetPeer => "reset_peer",
            ToxicKind::Slicer => "slicer",
            ToxicKind::LimitData => "limit_data",
            ToxicKind::PacketLoss => "packet_loss",
            ToxicKind::Noop => "noop",
        }
    }

    /// What attributes are that nobody has given.
    pub(crate) fn defaults(self) -> Attributes {
        let names: &[&'static str] = match self {
            ToxicKind::Latency => &["latency", "jitter"],
            ToxicKind::Bandwidth => &["rate"],
            ToxicKind::SlowClose => &["delay"],
            ToxicKind::Timeout | ToxicKind::ResetPeer => &["timeout"],
            ToxicKind::Slicer => &["average_size", "size_variation", "delay"],
            ToxicKind::LimitData => &["bytes"],
            ToxicKind::PacketLoss => {
                let loss_rate = Number::from_f64(0.1).unwrap_or_else(|| Number::from(0));
                return vec![("loss_rate", loss_rate), ("correlation", Number::from(0))];
            }
            ToxicKind::Noop => &[],
        };
        names.iter().map(|name| (*name, Number::from(0))).collect()
    }

    /// Takes what is given over `attributes`; names nobody knows are passed over.
    pub(crate) fn overlay(
        self,
        attributes: &mut Attributes,
        given: &Map<String, Value>,
    ) -> Result<(), AttributeError> {
        for (name, number) in attributes {
            let found = given.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            if let Some((_, value)) = found.filter(|(_, value)| !value.is_null()) {
                *number = self.number(name, value)?;
            }
        }
        Ok(())
    }

    fn number(self, name: &'static str, value: &Value) -> Result<Number, AttributeError> {
        let wanted = match self {
            ToxicKind::PacketLoss => "a number from 0 to 1",
            _ => "an integer",
        };
        let number = match (self, value) {
            (ToxicKind::PacketLoss, Value::Number(number)) => {
                number.as_f64().filter(|number| (0.0..=1.0).contains(number)).and(Some(number))
            }
            (_, Value::Number(number)) => number.as_i64().and(Some(number)),
            _ => None,
        };
        number.cloned().ok_or_else(|| AttributeError { name, wanted, found: value.to_string() })
    }
}

impl Toxic {
    /// What it does to each connection that is under it.
    pub(crate) fn fault(&self) -> Fault {
        match self.kind {
            ToxicKind::Latency => Fault::Delay(Delay::of(self.millis("latency"), self.millis("jitter"))),
            ToxicKind::Bandwidth => Fault::Rate(self.rate()),
            ToxicKind::SlowClose => Fault::SlowClose { delay: self.millis("delay") },
            ToxicKind::Timeout => {
                // Zero is a black hole that is left only when the toxic is removed.
                let close_after = Some(self.millis("timeout")).filter(|timeout| !timeout.is_zero());
                Fault::BlackHole { close_after }
            }
            ToxicKind::ResetPeer => {
                Fault::Reset(ResetAfter::Time { after: self.millis("timeout"), loses_bytes: true })
            }
            ToxicKind::Slicer => Fault::Slice(Slice {
                average: self.size("average_size").max(1),
                variation: self.size("size_variation"),
                pause: Duration::from_micros(self.integer("delay")).min(TIME_MAX),
            }),
            ToxicKind::LimitData => Fault::Limit { bytes: self.integer("bytes") },
            ToxicKind::PacketLoss => Fault::Drop(self.loss()),
            ToxicKind::Noop => Fault::Noop,
        }
    }

    /// Toxicity is drawn once for each connection; only a loss without bursts is also drawn for each frame.
    pub(crate) fn guard(&self) -> Guard {
        let is_drawn = self.fault() == Fault::Drop(Loss::Independent { correlation: 0.0 });
        let probability = if is_drawn { self.fraction("loss_rate") } else { 1.0 };
        Guard { connection_probability: self.toxicity, probability, ..Guard::default() }
    }

    /// One line for `show rules`.
    pub(crate) fn text(&self) -> String {
        let attributes: Vec<String> =
            self.attributes.iter().map(|(name, number)| format!(" {name}={number}")).collect();
        let (kind, stream) = (self.kind.name(), &self.stream_text);
        let attributes = attributes.concat();
        format!(
            "toxic {:?} on {:?}: {kind} {stream} toxicity={}{attributes}",
            self.name, self.relay, self.toxicity
        )
    }

    fn rate(&self) -> Rate {
        let bytes_per_second = self.integer("rate").saturating_mul(BYTES_PER_KB);
        let burst = bytes_per_second / BURSTS_PER_SECOND;
        Rate { bytes_per_second, burst, scope: RateScope::Connection }
    }

    /// Toxiproxy adds the correlation to the rate when the chunk before was lost. These are two states: in the good
    /// one all get through, in the bad one none, and the next chunk is lost in proportion to how it is entered.
    fn loss(&self) -> Loss {
        let (rate, correlation) = (self.fraction("loss_rate"), self.fraction("correlation"));
        if correlation == 0.0 {
            return Loss::Independent { correlation: 0.0 };
        }
        Loss::GilbertElliott { p: rate, r: 1.0 - (rate + correlation).min(1.0), h: 0.0, k: 1.0 }
    }

    fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.integer(name)).min(TIME_MAX)
    }

    fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).unwrap_or(usize::MAX)
    }

    /// Less than nothing is nothing.
    fn integer(&self, name: &str) -> u64 {
        self.attribute(name).and_then(Number::as_u64).unwrap_or(0)
    }

    fn fraction(&self, name: &str) -> f64 {
        self.attribute(name).and_then(Number::as_f64).unwrap_or(0.0)
    }

    fn attribute(&self, name: &str) -> Option<&Number> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn toxic(kind: &str, given: &Value) -> Result<Toxic, AttributeError> {
        let kind = ToxicKind::parse(kind).unwrap();
        let mut attributes = kind.defaults();
        kind.overlay(&mut attributes, given.as_object().unwrap())?;
        let (relay, name) = ("web".to_owned(), "x".to_owned());
        let (stream, stream_text) = (Stream::Upstream, "Upstream".to_owned());
        Ok(Toxic { relay, name, kind, stream, stream_text, toxicity: 0.5, attributes })
    }

    #[test]
    fn every_toxic_has_its_fault() {
        let millis = Duration::from_millis;
        let rate = Rate { bytes_per_second: 5000, burst: 50, scope: RateScope::Connection };
        let slice = Slice { average: 10, variation: 2, pause: Duration::from_micros(7) };
        let reset = ResetAfter::Time { after: millis(4), loses_bytes: true };
        let table = [
            ("latency", json!({"latency": 20, "Jitter": 5}), Fault::Delay(Delay::of(millis(20), millis(5)))),
            ("bandwidth", json!({"rate": 5, "unknown": "x"}), Fault::Rate(rate)),
            ("slow_close", json!({"delay": 3}), Fault::SlowClose { delay: millis(3) }),
            ("timeout", json!({}), Fault::BlackHole { close_after: None }),
            ("timeout", json!({"timeout": 9}), Fault::BlackHole { close_after: Some(millis(9)) }),
            ("reset_peer", json!({"timeout": 4}), Fault::Reset(reset)),
            ("slicer", json!({"average_size": 10, "size_variation": 2, "delay": 7}), Fault::Slice(slice)),
            ("limit_data", json!({"bytes": -1}), Fault::Limit { bytes: 0 }),
            ("packet_loss", json!({"loss_rate": null}), Fault::Drop(Loss::Independent { correlation: 0.0 })),
            ("noop", json!({"latency": "x"}), Fault::Noop),
        ];
        for (kind, given, fault) in table {
            assert_eq!(toxic(kind, &given).unwrap().fault(), fault, "{kind} {given}");
        }
    }

    #[test]
    fn toxicity_is_for_connections_and_only_a_loss_draws_for_frames() {
        let guard = toxic("latency", &json!({})).unwrap().guard();
        assert_eq!((guard.connection_probability, guard.probability), (0.5, 1.0));
        let guard = toxic("packet_loss", &json!({"loss_rate": 0.25})).unwrap().guard();
        assert_eq!((guard.connection_probability, guard.probability), (0.5, 0.25));
        let bursts = toxic("packet_loss", &json!({"loss_rate": 0.25, "correlation": 0.5})).unwrap();
        assert_eq!(bursts.guard().probability, 1.0);
        assert_eq!(bursts.fault(), Fault::Drop(Loss::GilbertElliott { p: 0.25, r: 0.25, h: 0.0, k: 1.0 }));
    }

    #[test]
    fn only_integers_are_attributes() {
        for bad in [json!("100"), json!(1.5), json!(true), json!(u64::MAX)] {
            assert!(toxic("latency", &json!({ "latency": bad })).is_err(), "{bad}");
        }
        assert!(toxic("packet_loss", &json!({"loss_rate": 2})).is_err());
        let forever = toxic("latency", &json!({"latency": i64::MAX})).unwrap();
        assert_eq!(forever.fault(), Fault::Delay(Delay::of(TIME_MAX, Duration::ZERO)));
    }
}
