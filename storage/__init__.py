"""PostgreSQL, the case file and the evidence: tables, sessions, keyring, audit chain."""
