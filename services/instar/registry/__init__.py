"""Schema registries: which schema a record's id means, and which id a version is written under."""
