//! The topology file: TOML, unknown keys refused, every error with line and column.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::blueprint::{checked_name, checked_threads, parse_listen, parse_upstream};
use super::rule::{RuleTable, rule_wish};
use super::{
    Blueprint, Fault, Framing, LinkArg, NodeArg, Origin, RawArg, TopologyError, parse_frame_timeout,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    seed: Option<u64>,
    frame: Option<Framing>,
    max_frame: Option<u32>,
    frame_timeout: Option<Spanned<String>>,
    hold_bytes: Option<usize>,
    conns_max: Option<usize>,
    threads: Option<Spanned<usize>>,
    control: Option<Spanned<String>>,
    api: Option<Spanned<String>>,
    #[serde(default)]
    nodes: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    listen: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    raw: BTreeMap<String, Spanned<Raw>>,
    #[serde(default)]
    rule: Vec<Spanned<RuleTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    listen: Spanned<String>,
    upstream: Spanned<String>,
}

impl Blueprint {
    /// Reads a topology file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its line and column.
    pub fn from_file(path: &Path) -> Result<Self, TopologyError> {
        let text = std::fs::read_to_string(path).map_err(|error| TopologyError {
            origin: Origin::File { path: path.to_owned(), line: 1, column: 1 },
            fault: Fault::Unreadable(error.to_string()),
        })?;
        Source { path, text: &text }.blueprint()
    }
}

struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn blueprint(&self) -> Result<Blueprint, TopologyError> {
        let file: File = toml::from_str(self.text).map_err(|error| TopologyError {
            origin: self.origin(error.span().unwrap_or_default()),
            fault: Fault::BadFile(error.message().to_owned()),
        })?;
        let mut blueprint = Blueprint {
            framing: file.frame,
            frame_bytes_max: file.max_frame,
            hold_bytes: file.hold_bytes,
            conns_max: file.conns_max,
            seed: file.seed,
            ..Blueprint::default()
        };
        let timeout = file.frame_timeout.map(|text| self.at(&text, |text| parse_frame_timeout(text)));
        blueprint.frame_timeout = timeout.transpose()?;
        blueprint.threads =
            file.threads.map(|count| self.at(&count, |count| checked_threads(*count))).transpose()?;
        blueprint.control = file.control.map(|text| self.at(&text, |text| parse_listen(text))).transpose()?;
        blueprint.api = file.api.map(|text| self.at(&text, |text| parse_listen(text))).transpose()?;
        for (name, address) in in_order(file.nodes) {
            let node = self.at(&address, |address| node(&name, address))?;
            blueprint.nodes.push((self.origin(address.span()), node));
        }
        for (key, address) in in_order(file.listen) {
            let origin = self.origin(address.span());
            if key == "base" {
                blueprint.base = Some((origin, self.at(&address, |address| parse_listen(address))?));
            } else {
                let link = self.at(&address, |address| LinkArg::new(&key, address))?;
                blueprint.links.push((origin, link));
            }
        }
        for (name, raw) in in_order(file.raw) {
            let origin = self.origin(raw.span());
            blueprint.raws.push((origin, self.raw(&name, &raw)?));
        }
        for table in &file.rule {
            blueprint.rules.push(rule_wish(table, |span| self.origin(span))?);
        }
        Ok(blueprint)
    }

    fn raw(&self, name: &str, raw: &Spanned<Raw>) -> Result<RawArg, TopologyError> {
        let name = self.at(raw, |_| checked_name(name))?;
        let Raw { listen, upstream } = raw.get_ref();
        Ok(RawArg {
            name,
            listen: self.at(listen, |text| parse_listen(text))?,
            upstream: self.at(upstream, |text| parse_upstream(text))?,
        })
    }

    /// Parses a value, and blames its place if that fails.
    fn at<T, V>(
        &self,
        value: &Spanned<V>,
        parse: impl FnOnce(&V) -> Result<T, Fault>,
    ) -> Result<T, TopologyError> {
        parse(value.get_ref()).map_err(|fault| TopologyError { origin: self.origin(value.span()), fault })
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// An empty address means that the station's port is not known yet.
fn node(name: &str, address: &str) -> Result<NodeArg, Fault> {
    let upstream = if address.is_empty() { None } else { Some(parse_upstream(address)?) };
    Ok(NodeArg { name: checked_name(name)?, upstream })
}

/// The entries as they stand in the file: the order of the stations decides their ports.
fn in_order<T>(table: BTreeMap<String, Spanned<T>>) -> Vec<(String, Spanned<T>)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(_, value)| value.span().start);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Blueprint, String> {
        Source { path: Path::new("p.toml"), text }.blueprint().map_err(|error| error.to_string())
    }

    #[test]
    fn a_full_file_is_read_in_its_own_order() {
        let blueprint = read(
            r#"
seed = 42
frame = "u32be"
max_frame = 2048
hold_bytes = 4096
control = "127.0.0.1:0"
api = "127.0.0.1:8474"
[nodes]
zulu = "127.0.0.1:6001"
alpha = ""
[listen]
base = "0.0.0.0:7100"
"alpha->zulu" = "127.0.0.1:7001"
[raw]
web = { listen = "127.0.0.1:0", upstream = "web:80" }
"#,
        )
        .unwrap();
        let plan = blueprint.into_plan().unwrap();
        let names: Vec<&str> = plan.directory.nodes().map(|id| plan.directory.name(id)).collect();
        assert_eq!(names, ["zulu", "alpha", "client", "web"]);
        assert_eq!(plan.seed, 42);
        assert_eq!(plan.settings.hold_bytes, 4096);
        assert_eq!(plan.api.map(|address| address.port()), Some(8474));
        assert_eq!(plan.links[1].listen.port(), 7001);
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let table = [
            ("sede = 4\n", "p.toml:1:1: unknown field `sede`"),
            ("[nodes]\na = \"nowhere\"\n", "p.toml:2:5: \"nowhere\" is not an address to dial"),
            ("[nodes]\n\"a b\" = \"x:1\"\n", "p.toml:2:9: \"a b\" cannot name a node"),
            ("[listen]\n\"a-b\" = \"127.0.0.1:1\"\n", "p.toml:2:9: \"a-b\" is not a link"),
            ("[listen]\nbase = \"7100\"\n", "p.toml:2:8: \"7100\" is not an address to listen on"),
            ("frame = \"u16\"\n", "p.toml:1:9: \"u16\" is no framing"),
            ("frame_timeout = \"1\"\n", "p.toml:1:17: \"1\" is no time for half a frame"),
            ("seed =\n", "p.toml:1:7: "),
            ("[[rule]]\ndelay = \"5ms\"\n", "p.toml:1:1: a rule needs a flow"),
            ("[[rule]]\nflow = \"a->b\"\n", "p.toml:1:1: a rule needs one fault: cut, delay, "),
            (
                "[[rule]]\nflow = \"a->b\"\ndelay = [1]\n",
                "p.toml:3:9: a value is a text, a number, true or false",
            ),
            ("[raw]\nx = { listen = \"127.0.0.1:0\" }\n", "p.toml:2:5: missing field `upstream`"),
        ];
        for (text, expected) in table {
            let error = read(text).map(|_| ()).expect_err(text);
            assert!(error.starts_with(expected), "for {text:?}: {error}");
        }
    }

    const NODES: &str = "[nodes]\na = \"\"\nb = \"\"\n";

    #[test]
    fn a_rule_is_a_command_in_keys() {
        let table = [
            ("flow = \"a<->b\"\ndelay = \"2ms\"\njitter = \"1ms\"", "delay a<->b 2ms jitter=1ms"),
            ("flow = \"*\"\ncut = true", "cut *"),
            ("flow = \"a->b\"\ncut = \"stall\"\nfor = \"5s\"", "cut a->b mode=stall for=5s"),
            ("p = 0.5\nflow = \"a->b\"\ncorrupt = true\ntrunc = 2", "corrupt a->b p=0.5 trunc=2"),
            ("flow = \"a->b\"\nreset = 100", "reset a->b after=100"),
            ("flow = \"a->b\"\ndrop = 0.5\nwhere = \"len>5\"", "drop a->b p=0.5 where=len>5"),
            ("flow = \"a->b\"\nrate = \"1MB/s\"\nscope = \"node\"", "rate a->b 1MB/s scope=node"),
        ];
        for (rule, words) in table {
            let plan = read(&format!("{NODES}[[rule]]\n{rule}\n")).unwrap().into_plan();
            assert_eq!(plan.unwrap_or_else(|error| panic!("{rule}: {error}")).rules, [words]);
        }
    }

    #[test]
    fn a_mistake_in_a_rule_is_named_where_it_stands() {
        let table = [
            ("flow = \"a->z\"\ncut = true", "p.toml:5:8: unknown-node \"z\": no node has this name"),
            (
                "flow = \"a->b\"\ndelay = \"2\"",
                "p.toml:6:9: bad-unit \"2\": a duration needs a unit, e.g. 5ms",
            ),
            (
                "flow = \"a->b\"\ndelay = \"2ms\"\njiter = \"1ms\"",
                "p.toml:7:1: bad-syntax \"jiter\": no such option here; did you mean jitter?",
            ),
            ("flow = \"a->b\"\ncut = \"hald\"", "p.toml:6:7: bad-syntax \"hald\": the modes are"),
            (
                "flow = \"a->b\"\nrate = \"1MB/s; quit\"",
                "p.toml:6:1: this is not one rule: rate a->b 1MB/s; quit",
            ),
        ];
        for (rule, expected) in table {
            let plan = read(&format!("{NODES}[[rule]]\n{rule}\n")).unwrap().into_plan();
            let error = plan.unwrap_err().to_string();
            assert!(error.starts_with(expected), "for {rule:?}: {error}");
        }
    }
}
