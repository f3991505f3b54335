"""Training and exact evaluation, and what they hold in memory."""
