//! Inputs that once broke a promise, on stable. Each is named by what was wrong; none may ever be again.

use clock_fuzz::{Decoder, records};

const FIRST: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753";
const SECOND: &str = "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";

fn run(decoder: &Decoder, input: &str) {
    decoder.run(input.as_bytes());
}

/// The parser beneath subtracts '0' from the last column, whatever is there.
#[test]
fn a_last_column_below_the_digits_does_not_overflow() {
    run(&records::TLE, &format!("{FIRST}\n{}!", &SECOND[..68]));
    run(&records::TLE, &format!("{} \n{SECOND}", &FIRST[..68]));
}

/// `348E7242` reads as a number, and is infinite.
#[test]
fn an_element_is_a_finite_number() {
    run(&records::TLE_COLUMNS, &[FIRST, &SECOND.replace("348.7242", "348E7242")].concat());
    run(&records::TLE_COLUMNS, &[FIRST, &SECOND.replace("348.7242", "     nan")].concat());
}

/// The mark in front of a name was taken off once a pass, so reading a stored name changed it.
#[test]
fn a_name_has_one_canonical_form() {
    run(&records::TLE, &format!("0 0 VANGUARD 1\n{FIRST}\n{SECOND}"));
    run(&records::TLE, &format!(" 0 VANGUARD 1\n{FIRST}\n{SECOND}"));
}
