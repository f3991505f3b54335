"""The numbers of docs/economics.md."""
