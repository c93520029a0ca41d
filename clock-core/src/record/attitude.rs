//! Attitude: a unit quaternion, scalar first.

use std::fmt;

use bytes::Bytes;

/// How far the norm may be from 1: rounding of four decimal places passes, a wrong component does not.
const NORM_TOLERANCE: f64 = 1e-3;
/// What the numbers are called, in their order.
const COMPONENTS: [char; 4] = ['w', 'x', 'y', 'z'];

/// The orientation of a satellite as a unit quaternion `w + xi + yj + zk`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attitude {
    components: [f64; 4],
}

/// Why a text or bytes are no attitude.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidAttitude {
    /// Not four numbers.
    #[error("attitude has {numbers} numbers: expected 4, w,x,y,z")]
    NotFourNumbers {
        /// How many parts the commas make.
        numbers: usize,
    },
    /// A part is no number, or none that is finite.
    #[error("attitude component {component}: {text:?}: expected a finite number")]
    Component {
        /// Which: w, x, y or z.
        component: char,
        /// What was given, cut after 80 characters.
        text: String,
    },
    /// Not of unit length.
    #[error("attitude has norm {norm:.6}: expected 1 within {NORM_TOLERANCE}")]
    NotUnit {
        /// The norm it has.
        norm: f64,
    },
    /// Stored bytes of another size than four 64-bit numbers.
    #[error("attitude has {bytes} bytes: expected 32")]
    Size {
        /// How many there were.
        bytes: usize,
    },
}

impl Attitude {
    /// Reads `w,x,y,z`.
    ///
    /// # Errors
    /// [`InvalidAttitude`] if it is not four finite numbers of unit norm.
    pub fn parse(input: &[u8]) -> Result<Self, InvalidAttitude> {
        let text = String::from_utf8_lossy(input);
        let numbers = text.split(',').count();
        if numbers != COMPONENTS.len() {
            return Err(InvalidAttitude::NotFourNumbers { numbers });
        }
        let mut components = [0.0; COMPONENTS.len()];
        for ((component, name), part) in components.iter_mut().zip(COMPONENTS).zip(text.split(',')) {
            *component = finite(name, part.trim())?;
        }
        Self::checked(components)
    }

    /// Reads the canonical bytes: four big-endian 64-bit floats.
    ///
    /// # Errors
    /// [`InvalidAttitude`] if the size or the norm is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidAttitude> {
        let refused = || InvalidAttitude::Size { bytes: bytes.len() };
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| refused())?;
        let mut components = [0.0; 4];
        for (component, chunk) in components.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *component = f64::from_be_bytes(*chunk);
        }
        Self::checked(components)
    }

    /// The canonical bytes: four big-endian 64-bit floats, w first.
    pub fn to_bytes(self) -> Bytes {
        self.components.iter().flat_map(|component| component.to_be_bytes()).collect()
    }

    /// The components w, x, y, z.
    pub fn components(self) -> [f64; 4] {
        self.components
    }

    /// The angle in degrees, 0 to 180, of the one rotation that leads from this orientation to the other. A quaternion
    /// and its negative are the same orientation.
    ///
    /// Twice the angle between the vector and the scalar part of the quotient. The arc cosine of the scalar product would be
    /// shorter, and has lost half of the digits where it matters most, at small angles.
    pub fn angle_degrees(self, other: Self) -> f64 {
        let ([w, x, y, z], [a, b, c, d]) = (self.components, other.components);
        let scalar = w * a + x * b + y * c + z * d;
        let vector = [
            w * b - a * x - (y * d - z * c),
            w * c - a * y - (z * b - x * d),
            w * d - a * z - (x * c - y * b),
        ];
        let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
        2.0 * length.atan2(scalar.abs()).to_degrees()
    }

    fn checked(components: [f64; 4]) -> Result<Self, InvalidAttitude> {
        let norm = components.iter().map(|component| component * component).sum::<f64>().sqrt();
        // NaN is in no range.
        match (1.0 - NORM_TOLERANCE..=1.0 + NORM_TOLERANCE).contains(&norm) {
            true => Ok(Self { components }),
            false => Err(InvalidAttitude::NotUnit { norm }),
        }
    }
}

/// Rust reads `inf`, `nan` and `1e999` as numbers; no orientation has such components.
fn finite(component: char, text: &str) -> Result<f64, InvalidAttitude> {
    let refused = || InvalidAttitude::Component { component, text: text.chars().take(80).collect() };
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(refused)
}

impl fmt::Display for Attitude {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [w, x, y, z] = self.components;
        write!(formatter, "{w},{x},{y},{z}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_quaternion_survives_its_canonical_bytes() {
        let attitude = Attitude::parse(b" 0.7071, 0, 0.7071, 0\n").unwrap();
        assert_eq!(Attitude::from_bytes(&attitude.to_bytes()).unwrap(), attitude);
        assert_eq!(attitude.to_string(), "0.7071,0,0.7071,0");
    }

    /// Disproved by another angle than that of the rotation the quaternions were made for.
    #[test]
    fn the_angle_is_that_of_the_rotation_between_them() {
        let about_z = |degrees: f64| {
            let half = degrees.to_radians() / 2.0;
            Attitude::checked([half.cos(), 0.0, 0.0, half.sin()]).unwrap()
        };
        for (from, to, expected) in
            [(0.0, 90.0, 90.0), (10.0, 10.001, 0.001), (0.0, 180.0, 180.0), (-100.0, 100.0, 160.0)]
        {
            let angle = about_z(from).angle_degrees(about_z(to));
            assert!((angle - expected).abs() < 1e-9, "{from} to {to}: expected {expected}, got {angle}");
            assert_eq!(angle, about_z(to).angle_degrees(about_z(from)), "the way back is as far");
        }
        let attitude = Attitude::parse(b"0.5,-0.5,0.5,0.5").unwrap();
        let negated = Attitude::parse(b"-0.5,0.5,-0.5,-0.5").unwrap();
        assert_eq!((attitude.angle_degrees(attitude), attitude.angle_degrees(negated)), (0.0, 0.0));
    }

    #[test]
    fn what_is_no_unit_quaternion_is_refused() {
        for text in ["", "1,0,0", "1,0,0,0,0", "1,1,0,0", "NaN,0,0,1", "inf,0,0,0", "a,b,c,d"] {
            assert!(Attitude::parse(text.as_bytes()).is_err(), "{text:?} was accepted");
        }
        assert_eq!(Attitude::from_bytes(&[0; 31]), Err(InvalidAttitude::Size { bytes: 31 }));
    }
}
