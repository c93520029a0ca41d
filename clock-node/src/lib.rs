//! One ground station: an actor that owns its clocks and its replicated catalog, over real TCP and a durable store.
