"""Decryption on an NVIDIA GPU: CUDA C++ sources, how they become a library, and the kernel that calls it."""
