"""Partners of the demonstration: processes that speak OpenDSR, and who vouches for them."""
