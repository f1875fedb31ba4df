"""What survives: crashes, restarts, replays, lost workers, a year of time."""
