"""`pole miner`, `pole verifier`, `pole data-node run`: workers as processes."""
