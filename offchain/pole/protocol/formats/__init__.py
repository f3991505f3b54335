"""Byte formats of the files that nodes exchange; docs/formats.md specifies each."""
