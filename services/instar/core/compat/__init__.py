"""Compatibility of schemas: what a reader of one version can read of what a writer of another wrote."""
