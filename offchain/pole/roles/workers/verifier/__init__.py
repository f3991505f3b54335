"""The verifier: drawn into a committee, it evaluates every judged model, commits its votes, reveals them."""
