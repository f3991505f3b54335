"""Encryption and decryption: kernels, peers, and whole sets on their way."""
