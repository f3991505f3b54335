"""What data nodes, miners, verifiers and keepers do: state machines over a chain, a store and a journal."""
