"""What a network of many tasks, miners and verifiers costs, and what breaks first: docs/network.md."""
