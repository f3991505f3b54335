"""`pole model`: models that rounds ended with, kept, used and exported."""
