"""What the compiler is given, deployment files and networks, and the branches that tests reach."""
