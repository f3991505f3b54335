"""Inner-product functional encryption (Abdalla et al. 2015) in the group ristretto255 (RFC 9496)."""
