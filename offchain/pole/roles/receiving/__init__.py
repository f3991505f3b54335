"""The way in for miners and verifiers: a task fetched, a set decrypted, features kept."""
