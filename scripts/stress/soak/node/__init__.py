"""A way to an Ethereum node, of one worker alone, that answers badly where the plan says so."""
