"""`pole spec`: model specifications."""
