"""What a miner keeps of how its trainings went."""
