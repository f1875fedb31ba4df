"""What a worker tells Prometheus of the engine: figures of all cases, and of its own calls."""
