"""A user's torch module as a model specification."""
