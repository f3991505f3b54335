"""The main job on this machine: real rounds among processes that share only the chain and IPFS."""
