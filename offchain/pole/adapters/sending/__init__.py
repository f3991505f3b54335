"""What is sent to an Ethereum node, exactly once: transactions, fees, the chain as a wallet uses it."""
