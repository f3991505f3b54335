"""Documents, names, the house and the contracts, held to their rules."""
