"""An Ethereum node at the end of a wire: requests, answers of the right shape, what it refuses."""
