"""Training: recipe, optimiser, losses, checkpoints, the run itself, and the search for settings."""
