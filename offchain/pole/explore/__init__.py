"""What happens on a PoLe network as pages: an index of all events, read-only, without a wallet."""
