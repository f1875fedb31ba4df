"""Partners that answer over HTTP."""
