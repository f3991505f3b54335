"""`pole model`."""
