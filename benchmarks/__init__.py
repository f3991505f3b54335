"""Measurements that are run by hand, one a file."""
