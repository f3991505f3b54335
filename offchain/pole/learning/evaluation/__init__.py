"""The canonical evaluation, equal to the bit on every machine, and the model file it reads."""
