"""What fulfils the roles' ports on a real machine.

Ethereum over web3.py, IPFS over HTTP, keys and journals on disk.
"""
