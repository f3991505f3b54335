"""The workers: which duty each has in which phase of a round."""
