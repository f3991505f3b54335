"""What a miner trains with."""
