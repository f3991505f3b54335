"""What a model is worth, and doubts about what others said of it."""
