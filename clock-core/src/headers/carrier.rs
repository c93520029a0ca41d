//! Where headers are kept: the maps and lists of names and values that frameworks hand out.
//!
//! Names are found without regard to ASCII case, since HTTP/2 lowers them and a lookup that misses loses
//! causality in silence. A name may come more than once, in a list or in two spellings. Copies count once;
//! values that differ are joined by commas where the format is a list, as RFC 9110 (section 5.3) has it, and
//! are refused elsewhere: which of two ids is meant cannot be known.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
#[cfg(feature = "std")]
use core::hash::BuildHasher;
#[cfg(feature = "std")]
use std::collections::HashMap;

use super::{EncodeError, Expected, ExtractError, HEADER_BYTES_MAX, Malformed};

/// A place for headers. Implemented for maps and lists of `String` names with `String` (text) or `Vec<u8>`
/// (binary) values, and for `http::HeaderMap` with the feature `http`.
pub trait HeaderCarrier {
    /// What a value is written as: `str` in text headers, `[u8]` in binary ones.
    type Value: ?Sized;

    /// All values under a name, whatever its case; in their order, if the carrier has one.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Makes this the one value under a name, in place of those under any spelling of it.
    ///
    /// # Errors
    /// [`EncodeError::CarrierRefused`] if the carrier is full, or takes no such value.
    fn set(&mut self, name: &'static str, value: &Self::Value) -> Result<(), EncodeError>;
}

/// How a carrier keeps a value: as `String` or as `Vec<u8>`.
pub trait CarrierValue: AsRef<[u8]> {
    /// What it is written as.
    type Form: ?Sized;

    /// A value to keep.
    fn from_form(form: &Self::Form) -> Self;
}

impl CarrierValue for String {
    type Form = str;

    fn from_form(form: &str) -> Self {
        form.to_string()
    }
}

impl CarrierValue for Vec<u8> {
    type Form = [u8];

    fn from_form(form: &[u8]) -> Self {
        form.to_vec()
    }
}

#[cfg(feature = "std")]
impl<V: CarrierValue, S: BuildHasher> HeaderCarrier for HashMap<String, V, S> {
    type Value = V::Form;

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        of_name(self, name)
    }

    fn set(&mut self, name: &'static str, value: &V::Form) -> Result<(), EncodeError> {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_string(), V::from_form(value));
        Ok(())
    }
}

impl<V: CarrierValue> HeaderCarrier for BTreeMap<String, V> {
    type Value = V::Form;

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        of_name(self, name)
    }

    fn set(&mut self, name: &'static str, value: &V::Form) -> Result<(), EncodeError> {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_string(), V::from_form(value));
        Ok(())
    }
}

impl<V: CarrierValue> HeaderCarrier for Vec<(String, V)> {
    type Value = V::Form;

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        of_name(self.iter().map(|(key, value)| (key, value)), name)
    }

    fn set(&mut self, name: &'static str, value: &V::Form) -> Result<(), EncodeError> {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.push((name.to_string(), V::from_form(value)));
        Ok(())
    }
}

#[cfg(feature = "http")]
impl HeaderCarrier for http::HeaderMap {
    type Value = str;

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }

    fn set(&mut self, name: &'static str, value: &str) -> Result<(), EncodeError> {
        let refused = EncodeError::CarrierRefused { name };
        let value = http::HeaderValue::from_str(value).map_err(|_illegal| refused.clone())?;
        let key = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_illegal| refused.clone())?;
        self.try_insert(key, value).map(drop).map_err(|_full| refused)
    }
}

fn of_name<'a, V: AsRef<[u8]> + 'a>(
    headers: impl IntoIterator<Item = (&'a String, &'a V)>,
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = headers.into_iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_ref())
}

/// The one value under a name, if there is one.
pub(super) fn single<'a>(
    carrier: &'a impl HeaderCarrier,
    name: &'static str,
) -> Result<Option<&'a [u8]>, ExtractError> {
    let mut values = carrier.values(name);
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(ExtractError::Conflicting { name });
    }
    Ok(Some(first))
}

/// The same as text.
pub(super) fn single_text<'a>(
    carrier: &'a impl HeaderCarrier,
    name: &'static str,
) -> Result<Option<&'a str>, ExtractError> {
    single(carrier, name)?.map(|value| utf8(name, value)).transpose()
}

/// The one value under a name as an id or a type.
pub(super) fn label<T>(
    carrier: &impl HeaderCarrier,
    name: &'static str,
    check: fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, ExtractError> {
    let Some(value) = single_text(carrier, name)? else { return Ok(None) };
    Ok(Some(check(value).map_err(|malformed| malformed.within(name))?))
}

/// Most different values of one name: 32. A proxy splits a list into a few; each is compared with all others.
const VALUES_MAX: usize = 32;

/// The values under a name as one list, each once; copied only if several differ.
pub(super) fn list<'a>(
    carrier: &'a impl HeaderCarrier,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, ExtractError> {
    let mut values = carrier.values(name);
    let Some(first) = values.next() else { return Ok(None) };
    let mut joined = Cow::Borrowed(utf8(name, first)?);
    let (mut distinct, mut count) = ([first; VALUES_MAX], 1);
    for other in values {
        if distinct[..count].contains(&other) {
            continue;
        }
        let Some(free) = distinct.get_mut(count) else {
            return Err(Malformed::new(name, count, joined.len(), Expected::FewerEntries).into());
        };
        *free = other;
        count += 1;
        if joined.len() + other.len() >= HEADER_BYTES_MAX {
            return Err(Malformed::new(name, 0, HEADER_BYTES_MAX, Expected::FewerBytes).into());
        }
        let joined = joined.to_mut();
        joined.push(',');
        joined.push_str(utf8(name, other)?);
    }
    Ok(Some(joined))
}

pub(super) fn utf8<'a>(name: &'static str, value: &'a [u8]) -> Result<&'a str, ExtractError> {
    let refused =
        |broken: core::str::Utf8Error| Malformed::new(name, 0, broken.valid_up_to(), Expected::Utf8);
    Ok(core::str::from_utf8(value).map_err(refused)?)
}
