//! How the crates that are generic over ids name members: by name as we do, or by number, which is faster.

use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;

pub(crate) trait Id:
    Ord + Hash + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const NAME: &'static str;
    /// Whether it says who it is, as text and msgpack must where no table of numbers is agreed on.
    const IS_NAME: bool;
    fn at(data: &Data, index: usize) -> Self;
    /// For a vector that never ticks.
    fn unused() -> Self;

    fn all(data: &Data) -> Vec<Self> {
        (0..data.entries()).map(|index| Self::at(data, index)).collect()
    }
}

impl Id for u32 {
    const NAME: &'static str = "u32";
    const IS_NAME: bool = false;

    fn at(_: &Data, index: usize) -> Self {
        Self::try_from(index).expect("few members")
    }

    fn unused() -> Self {
        0
    }
}

impl Id for String {
    const NAME: &'static str = "String";
    const IS_NAME: bool = true;

    fn at(data: &Data, index: usize) -> Self {
        data.names[index].clone()
    }

    fn unused() -> Self {
        Self::new()
    }
}
