"""What a worker shows Prometheus of itself: `--metrics`. Not the metrics that models are judged by."""
