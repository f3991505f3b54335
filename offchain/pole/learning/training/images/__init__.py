"""Images made anew for every batch, of features or of the samples beneath them."""
