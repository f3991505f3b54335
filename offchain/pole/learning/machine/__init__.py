"""What learning takes of the machine: threads, and room on its disk."""
