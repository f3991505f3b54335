"""The data owner's way out: a set encrypted, a task prepared and posted, a test set released."""
