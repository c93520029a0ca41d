//! A frame-aware TCP relay that injects partitions, delays and reordering between stations.
