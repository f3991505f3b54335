"""Keys and secrets on disk: keystores, sealed boxes, cards of key holders."""
