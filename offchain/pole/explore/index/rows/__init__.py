"""The rows that events and receipts make, a file for what they are of."""
