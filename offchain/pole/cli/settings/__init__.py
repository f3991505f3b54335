"""`pole config`, `pole completion`: what a user sets up once."""
