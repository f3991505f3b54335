"""Models that rounds have found: fetched, checked against the chain, kept, used and reported on."""
