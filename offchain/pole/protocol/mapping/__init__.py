"""The secure mapping layer: its kinds, query vectors, query plan and what they disclose."""
