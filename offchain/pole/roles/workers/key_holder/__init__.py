"""The key holder: makes partial keys of its share when a round of the task opens, and may combine them."""
