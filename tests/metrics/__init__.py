"""What a worker tells Prometheus, and the alert rules over it."""
