"""PoLe: decentralised machine learning that pays for verified results (Lan, Liu, Li 2020)."""
