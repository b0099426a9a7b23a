"""The demonstration: the main job on a stream of orders, and an independent look at what came of it."""
