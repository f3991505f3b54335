"""Models that rounds ended with: fetched, checked against their block, kept, and used."""
