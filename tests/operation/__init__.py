"""The engine as it is deployed: images, compose file, releases over open requests."""
