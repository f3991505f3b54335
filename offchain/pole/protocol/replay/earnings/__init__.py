"""What rounds paid an account and cost it, to the wei, and why: out of the replay of the chain's records."""
