"""A specification as a torch network, and the trained network as a canonical model."""
