"""The index as files for other programs."""
