"""The miner: trains on the round's features, commits to its best model, reveals it, doubts a wrong tally."""
