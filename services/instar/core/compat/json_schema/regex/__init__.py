"""Regular expressions of ``pattern`` as languages: containment, not just matching."""
