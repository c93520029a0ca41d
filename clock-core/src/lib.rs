//! Logical clocks, causality, the wire format and the replica: pure code, no I/O and no clock reads.
