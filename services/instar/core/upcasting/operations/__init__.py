"""The operations that a hop is made of, one file each. Authors import them from ``instar.changes``."""
