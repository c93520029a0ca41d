//! `clock-node resolve`: end a conflict, or all that a policy decides.

use clap::Args;
use clock_core::Dot;
use clock_core::record::View;
use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, Request};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::policy::Policy;
use super::value::ValueArgs;
use super::write::WriteArgs;

const EXPECTED: &str = "say what the key is to hold: --take VERSION, --value VALUE, --file FILE, --stdin, --delete or \
                        --policy VIEW";

/// Flags of `resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// The conflict, as `conflicts` shows it; refused if it has changed since
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    conflict: Option<ConflictId>,
    /// Every open conflict that the policy decides (exit 5 if any is left)
    #[arg(long, requires = "policy")]
    all: bool,
    /// Keep the value of this version
    #[arg(long, value_name = "DOT", conflicts_with_all = ["value", "file", "stdin", "delete", "policy"])]
    take: Option<Dot>,
    /// Write this value instead (or --file, or --stdin)
    #[arg(long, value_name = "VALUE", conflicts_with_all = ["delete", "policy"])]
    value: Option<String>,
    #[command(flatten)]
    source: ValueArgs,
    /// Delete the key
    #[arg(long, conflicts_with_all = ["file", "stdin", "policy"])]
    delete: bool,
    /// Keep the value of the version that this view shows: latest-epoch, or source-priority=STATION,... What the view
    /// does not decide is left as it is (exit 5)
    #[arg(long, value_name = "VIEW", conflicts_with_all = ["file", "stdin"])]
    policy: Option<View>,
    /// With --policy: say what would be done, and write nothing
    #[arg(long, requires = "policy")]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    connection: Connection,
}

impl ResolveArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        if let Some(view) = self.policy {
            let policy = Policy { view, only: self.conflict, is_dry_run: self.dry_run };
            return policy.run(&self.write, &self.connection);
        }
        let choice = self.choice()?;
        let conflict = self.conflict.ok_or_else(|| CliError::Usage(EXPECTED.to_owned()))?;
        self.write.send(&self.connection, |request| Request::Resolve { conflict, choice, request })
    }

    fn choice(&self) -> Result<Choice, CliError> {
        match &self.take {
            Some(dot) => Ok(Choice::Take(dot.clone())),
            None if self.delete => Ok(Choice::Delete),
            None if !self.source.is_given(self.value.as_deref()) => Err(CliError::Usage(EXPECTED.to_owned())),
            None => {
                let value = self.source.read(self.value.as_deref())?;
                Ok(Choice::Value { kind: self.source.kind(), value })
            }
        }
    }
}
