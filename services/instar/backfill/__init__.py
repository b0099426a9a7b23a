"""Replaying: what slows a worker down and steers it from afar, what a run would do, and how far it is."""
