"""Programs that try to break what is built."""
