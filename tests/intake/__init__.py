"""Intake: what is taken, what is refused, who is who."""
