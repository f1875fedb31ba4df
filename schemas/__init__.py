"""The vocabulary of the engine: requests, cases, messages, systems, policy. No I/O, no Temporal."""
