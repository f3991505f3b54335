"""What must hold after a soak, each promise by itself."""
