"""Data sets in the clear: read, checked, turned into the integers that are encrypted."""
