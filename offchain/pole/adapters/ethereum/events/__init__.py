"""Events of the contracts as a node gives them: in pages, kept and read again after a reorganisation."""
