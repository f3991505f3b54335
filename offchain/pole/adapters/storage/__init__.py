"""Where bytes are kept: IPFS, the journal, files of this machine, publishers of data sets."""
