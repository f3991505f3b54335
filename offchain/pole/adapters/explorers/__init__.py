"""Explorers: the source code of what was deployed, shown to those who compile it again and compare."""
