//! `/metrics`: live counters in Prometheus' text format.
//!
//! Toxiproxy's two counters keep their names and labels; it adds to them when a connection ends, here they are live.
//! Ours are counted per flow, which is what a fault is for. The counters of a relay end with it.

use std::fmt::Write;

use hyper::StatusCode;

use super::answer::{self, Answer};
use crate::control::Desk;
use crate::control::relays::Relay;
use crate::directory::{Directory, FlowId};
use crate::meter::FlowMeter;
use crate::rule::{Config, Stream};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A number of each flow.
struct Metric {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    read: fn(&FlowMeter) -> u64,
}

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

const METRICS: [Metric; 12] = [
    Metric {
        name: "clock_proxy_frames_forwarded_total",
        help: "Frames written; of a lane without frames, reads.",
        kind: COUNTER,
        read: |meter| meter.frames.value(),
    },
    Metric {
        name: "clock_proxy_frames_delayed_total",
        help: "Frames that passed a delay.",
        kind: COUNTER,
        read: |meter| meter.delayed.value(),
    },
    Metric {
        name: "clock_proxy_frames_reordered_total",
        help: "Frames chosen to be overtaken.",
        kind: COUNTER,
        read: |meter| meter.reordered.value(),
    },
    Metric {
        name: "clock_proxy_frames_dropped_total",
        help: "Frames thrown away.",
        kind: COUNTER,
        read: |meter| meter.dropped.value(),
    },
    Metric {
        name: "clock_proxy_frames_duplicated_total",
        help: "Frames that went on once more.",
        kind: COUNTER,
        read: |meter| meter.duplicated.value(),
    },
    Metric {
        name: "clock_proxy_frames_corrupted_total",
        help: "Frames damaged; of a lane without frames, bytes.",
        kind: COUNTER,
        read: |meter| meter.corrupted.value(),
    },
    Metric {
        name: "clock_proxy_frames_held",
        help: "Frames read and not yet written.",
        kind: GAUGE,
        read: |meter| meter.queued_frames.value(),
    },
    Metric {
        name: "clock_proxy_held_bytes",
        help: "Bytes of the frames that are held.",
        kind: GAUGE,
        read: |meter| meter.queued_bytes.value(),
    },
    Metric {
        name: "clock_proxy_connections",
        help: "Connections that carry the flow.",
        kind: GAUGE,
        read: |meter| meter.conns.value(),
    },
    Metric {
        name: "clock_proxy_desyncs_total",
        help: "Lanes that became raw because of an impossible length.",
        kind: COUNTER,
        read: |meter| meter.desyncs.value(),
    },
    Metric {
        name: "clock_proxy_refused_total",
        help: "Connections whose far side was not reached.",
        kind: COUNTER,
        read: |meter| meter.refused.value(),
    },
    Metric {
        name: "clock_proxy_bytes_forwarded_total",
        help: "Bytes written.",
        kind: COUNTER,
        read: |meter| meter.bytes.value(),
    },
];

pub(super) fn answer(desk: &Desk) -> Answer {
    let directory = desk.directory();
    let mut page = Page::default();
    page.process(&desk.config());
    for metric in &METRICS {
        page.header(metric.name, metric.help, metric.kind);
        for flow in directory.flows() {
            let link = escaped(&directory.flow_name(flow));
            page.line(metric.name, &format!("link=\"{link}\""), (metric.read)(&directory.meter(flow)));
        }
    }
    page.partitions(&directory, &desk.config());
    let relays = desk.relays();
    page.toxiproxy(&directory, "received", relays.values().map(AsRef::as_ref), |meter| {
        meter.received.value()
    });
    page.toxiproxy(&directory, "sent", relays.values().map(AsRef::as_ref), |meter| meter.bytes.value());
    answer::bytes(StatusCode::OK, CONTENT_TYPE, page.0)
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn header(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn process(&mut self, config: &Config) {
        let rules = u64::try_from(config.rules.len()).unwrap_or(u64::MAX);
        for (name, help, value) in [
            ("clock_proxy_rules", "Rules in force.", rules),
            ("clock_proxy_epoch", "Changes since the start.", config.epoch),
        ] {
            self.header(name, help, GAUGE);
            let _ = writeln!(self.0, "{name} {value}");
        }
    }

    fn partitions(&mut self, directory: &Directory, config: &Config) {
        let name = "clock_proxy_partition_active";
        self.header(name, "1 while nothing passes from a to b because of a cut.", GAUGE);
        for flow in directory.flows() {
            let Some((from, to)) = directory.ends(flow) else { continue };
            let (from, to) = (escaped(directory.name(from)), escaped(directory.name(to)));
            let is_cut = !config.policy(flow).is_open();
            self.line(name, &format!("a=\"{from}\",b=\"{to}\""), u64::from(is_cut));
        }
    }

    fn toxiproxy<'a>(
        &mut self,
        directory: &Directory,
        what: &str,
        relays: impl Iterator<Item = &'a Relay>,
        read: fn(&FlowMeter) -> u64,
    ) {
        let name = format!("toxiproxy_proxy_{what}_bytes_total");
        self.header(&name, &format!("Bytes {what} by the proxy."), COUNTER);
        for relay in relays {
            for (direction, stream) in [("upstream", Stream::Upstream), ("downstream", Stream::Downstream)] {
                let flow: FlowId = relay.flow(stream);
                let labels = format!(
                    "direction=\"{direction}\",listener=\"{}\",proxy=\"{}\",upstream=\"{}\"",
                    escaped(&relay.listen.text),
                    escaped(&relay.name),
                    escaped(&relay.upstream)
                );
                self.line(&name, &labels, read(&directory.meter(flow)));
            }
        }
    }
}

/// A label's value as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_label() {
        assert_eq!(escaped("a\"b\\c\nd->e"), r#"a\"b\\c\nd->e"#);
    }
}
