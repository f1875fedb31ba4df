"""`make bench`: what the engine costs. Speed only as ratios within one run, counts exactly."""
