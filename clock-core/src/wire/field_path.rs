//! Which field of a message did not decode, said as a path: `Put.context[3].seq`.
//!
//! The wire format has no names: its decoder hands every struct over as a sequence. But serde tells the decoder the
//! names of a type's fields and variants, so a wrapper around the decoder can note them while an error passes through
//! on its way out. (The crate `serde_path_to_error` notes positions where the format hands over a sequence, which
//! here would be everywhere.) Only bytes that were refused already are decoded like this.
//!
//! There are no maps on this wire, and a type that catches an error of a part of it would leave a wrong path: there
//! is none of those either.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};

type Names = &'static [&'static str];

/// Notes where a value failed to decode.
#[derive(Debug, Default)]
pub(super) struct FieldPath {
    /// Innermost first: an error notes them as it passes.
    segments: RefCell<Vec<Segment>>,
    /// The integer read last: of an enum, which variant follows.
    variant: Cell<Option<u32>>,
}

#[derive(Debug, Clone, Copy)]
enum Segment {
    Field(&'static str),
    Element(usize),
    Variant(&'static str),
}

impl FieldPath {
    /// Decodes a `T`, and notes where if it fails.
    pub(super) fn decoding<T>(&self) -> Tracked<'_, PhantomData<T>> {
        self.tracked(PhantomData, &[])
    }

    fn tracked<T>(&self, inner: T, names: Names) -> Tracked<'_, T> {
        Tracked { inner, path: self, names }
    }

    fn note<E>(&self, error: E, segment: Segment) -> E {
        self.segments.borrow_mut().push(segment);
        error
    }
}

/// Fields and elements, outermost first. A variant is named where it is the whole value or its outermost field, as `Put`
/// is of a request; further inside, the field says enough.
impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.borrow();
        let inwards = match segments.as_slice() {
            [inner @ .., Segment::Variant(_), Segment::Field(_)] => &segments[..=inner.len()],
            all => all,
        };
        for (depth, segment) in inwards.iter().rev().enumerate() {
            match segment {
                Segment::Field(name) if depth == 0 => formatter.write_str(name)?,
                Segment::Field(name) => write!(formatter, ".{name}")?,
                Segment::Element(index) => write!(formatter, "[{index}]")?,
                Segment::Variant(name) if depth == 0 => formatter.write_str(name)?,
                Segment::Variant(_) => {}
            }
        }
        Ok(())
    }
}

/// A part of serde's machinery that notes what passes: one wrapper for all of them, since each makes the next.
pub(super) struct Tracked<'path, T> {
    inner: T,
    path: &'path FieldPath,
    /// Of the fields or variants, where the type has them.
    names: Names,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Tracked<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(self.path.tracked(deserializer, &[]))
    }
}

macro_rules! forward_deserialize {
    ($($method:ident($($argument:ident: $kind:ty),*) $names:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* self.path.tracked(visitor, $names))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, D> {
    type Error = D::Error;

    forward_deserialize! {
        deserialize_any() &[];
        deserialize_bool() &[];
        deserialize_i8() &[];
        deserialize_i16() &[];
        deserialize_i32() &[];
        deserialize_i64() &[];
        deserialize_i128() &[];
        deserialize_u8() &[];
        deserialize_u16() &[];
        deserialize_u32() &[];
        deserialize_u64() &[];
        deserialize_u128() &[];
        deserialize_f32() &[];
        deserialize_f64() &[];
        deserialize_char() &[];
        deserialize_str() &[];
        deserialize_string() &[];
        deserialize_bytes() &[];
        deserialize_byte_buf() &[];
        deserialize_option() &[];
        deserialize_unit() &[];
        deserialize_unit_struct(name: &'static str) &[];
        deserialize_newtype_struct(name: &'static str) &[];
        deserialize_seq() &[];
        deserialize_tuple(len: usize) &[];
        deserialize_tuple_struct(name: &'static str, len: usize) &[];
        deserialize_map() &[];
        deserialize_struct(name: &'static str, fields: Names) fields;
        deserialize_enum(name: &'static str, variants: Names) variants;
        deserialize_identifier() &[];
        deserialize_ignored_any() &[];
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! forward_visit {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method<E: serde::de::Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Tracked<'_, V> {
    type Value = V::Value;

    forward_visit! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    fn visit_u32<E: serde::de::Error>(self, value: u32) -> Result<V::Value, E> {
        self.path.variant.set(Some(value));
        self.inner.visit_u32(value)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(self.path.tracked(deserializer, &[]))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(self.path.tracked(deserializer, &[]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        let elements = Elements { inner: elements, path: self.path, fields: self.names, next: 0 };
        self.inner.visit_seq(elements)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(self.path.tracked(access, self.names))
    }
}

/// The fields of a struct, or the elements of a list.
struct Elements<'path, A> {
    inner: A,
    path: &'path FieldPath,
    fields: Names,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let segment = match self.fields.get(self.next) {
            Some(name) => Segment::Field(name),
            None => Segment::Element(self.next),
        };
        self.next += 1;
        let element = self.inner.next_element_seed(self.path.tracked(seed, &[]));
        element.map_err(|error| self.path.note(error, segment))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'path, A: EnumAccess<'de>> EnumAccess<'de> for Tracked<'path, A> {
    type Error = A::Error;
    type Variant = Variant<'path, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.path.variant.set(None);
        let (value, inner) = self.inner.variant_seed(self.path.tracked(seed, &[]))?;
        let index = self.path.variant.get().and_then(|index| usize::try_from(index).ok());
        let name = index.and_then(|index| self.names.get(index)).copied().unwrap_or_default();
        Ok((value, Variant { inner, path: self.path, name }))
    }
}

/// The content of a variant.
pub(super) struct Variant<'path, A> {
    inner: A,
    path: &'path FieldPath,
    name: &'static str,
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variant<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant().map_err(|error| self.path.note(error, Segment::Variant(self.name)))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let content = self.inner.newtype_variant_seed(self.path.tracked(seed, &[]));
        content.map_err(|error| self.path.note(error, Segment::Variant(self.name)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let content = self.inner.tuple_variant(len, self.path.tracked(visitor, &[]));
        content.map_err(|error| self.path.note(error, Segment::Variant(self.name)))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: Names, visitor: V) -> Result<V::Value, A::Error> {
        let content = self.inner.struct_variant(fields, self.path.tracked(visitor, fields));
        content.map_err(|error| self.path.note(error, Segment::Variant(self.name)))
    }
}
