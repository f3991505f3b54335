"""`pole chain`, `pole devnet`, `pole wallet`, `pole doctor`: the network and who is on it."""
