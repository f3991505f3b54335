"""The data node: issues a round's functional keys, closes its submissions, and releases the test set."""
