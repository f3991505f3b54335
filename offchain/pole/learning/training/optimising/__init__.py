"""What moves the weights of a network: optimisers, averages, and the numbers that a batch is computed in."""
