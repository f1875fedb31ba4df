"""PostgreSQL registers: found by identity and references, written to as the manifest declares."""
