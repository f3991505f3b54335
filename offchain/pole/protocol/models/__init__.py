"""What a model is: its specification, layers, graph, shapes, cost and metrics."""
