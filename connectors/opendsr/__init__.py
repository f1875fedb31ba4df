"""Partners that answer over HTTP: a subset of OpenDSR 2.0 (opengdpr/OpenDSR, specification.md)."""
