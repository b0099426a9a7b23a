"""A rehearsal: the whole life of a migration on scratch topics, with real records and load of its own."""
