"""A table, images or arrays as their owner has them, made into samples by a preparation."""
