"""The chain of blocks told again from its events: every record, header and payout checked."""
