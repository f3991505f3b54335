"""What projections tell of samples: attacks on them, and pictures of what the attacks see."""
