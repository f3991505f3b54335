"""Signing elsewhere: by a process or device that has the key, each signature checked before it is used."""
