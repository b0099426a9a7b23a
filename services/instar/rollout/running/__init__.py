"""Effects on a real cluster and registry: one module for each kind of thing that they change."""
