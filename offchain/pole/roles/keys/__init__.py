"""Functional keys: their budget and ledger, a secret shared among holders, partial keys combined."""
