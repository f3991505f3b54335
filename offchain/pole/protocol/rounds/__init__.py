"""The rules of a round, twins of the contracts: phases, draws, tallies, judgement, payouts, ommers."""
