"""Spans: that they arrive, and what is in them."""
