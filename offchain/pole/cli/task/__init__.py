"""`pole task`: tasks posted, listed, cancelled, released."""
