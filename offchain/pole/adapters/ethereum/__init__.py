"""What is read from an Ethereum node: calls, events, errors, deployments, histories."""
