"""What is measured: data under a mapping layer, networks and their recipes, the two chains of blocks."""
