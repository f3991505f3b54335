"""One round, and the seats of many, for the books of those that took part: what a node tells of them."""
