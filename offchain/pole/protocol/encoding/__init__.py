"""What the contracts encode and hash, byte for byte: records, commitments, headers, seeds, Merkle trees."""
