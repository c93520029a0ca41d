//! A conflict-aware key-value store on two servers, which loses no concurrent write. The whole program has 48 lines of
//! code, the session of two clients included; 30 of them are the store.
//!
//! `cargo run -p clock-core --example kv_store`

use clock_core::{Context, ReplicaId, Siblings, SiblingsRefused};
use std::collections::BTreeMap;

/// One server: its name in dots, and the values of each key that no write has replaced.
struct Server {
    replica: ReplicaId,
    keys: BTreeMap<String, Siblings<String>>,
}

impl Server {
    fn new(replica: &str) -> Result<Self, clock_core::InvalidId> {
        Ok(Self { replica: replica.parse()?, keys: BTreeMap::new() })
    }

    /// All concurrent values, and the context that a write hands back to replace just these.
    fn get(&self, key: &str) -> (Vec<&str>, Context) {
        let Some(siblings) = self.keys.get(key) else {
            return (Vec::new(), Context::new());
        };
        let (values, context) = siblings.read();
        (values.map(String::as_str).collect(), context)
    }

    fn put(&mut self, key: &str, context: &Context, value: &str) -> Result<(), SiblingsRefused> {
        let siblings = self.keys.entry(key.to_owned()).or_default();
        let dot = siblings.write(context, &self.replica, value.to_owned())?;
        println!("{dot:#} writes {key} = {value}");
        Ok(())
    }

    /// Anti-entropy, in one direction: whatever arrives, in any order and however often, ends the same.
    fn pull(&mut self, peer: &Self) -> Result<(), SiblingsRefused> {
        for (key, theirs) in &peer.keys {
            self.keys.entry(key.clone()).or_default().try_merge(theirs, &self.replica)?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut pacific, mut atlantic) = (Server::new("pacific.00000001")?, Server::new("atlantic.00000001")?);

    // Both write without having seen the other: neither is newer, so both stay.
    pacific.put("attitude", &Context::new(), "yaw 12")?;
    atlantic.put("attitude", &Context::new(), "yaw 90")?;
    pacific.pull(&atlantic)?;
    atlantic.pull(&pacific)?;
    let (values, context) = atlantic.get("attitude");
    println!("conflict at both servers: {values:?}, context {context}");
    assert_eq!(values, ["yaw 90", "yaw 12"]);
    assert_eq!(pacific.get("attitude").0, values);

    // A client that has read both decides; its write replaces both, everywhere. A third write that had read neither
    // survives beside it.
    atlantic.put("attitude", &context, "yaw 12, confirmed")?;
    pacific.put("attitude", &Context::new(), "yaw 45")?;
    pacific.pull(&atlantic)?;
    let (values, _) = pacific.get("attitude");
    println!("after the decision and one more blind write: {values:?}");
    assert_eq!(values, ["yaw 12, confirmed", "yaw 45"]);
    Ok(())
}
