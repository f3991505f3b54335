"""Data sets, training and the exact evaluation of what was trained; knows no chain and no ciphertext."""
