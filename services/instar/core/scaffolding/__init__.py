"""Drafting a hop from the two schemas on both sides of it."""
