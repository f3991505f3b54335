"""The contracts' events in a database: read once, resumed after a stop, right after reorganisations."""
