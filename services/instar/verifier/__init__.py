"""The verifier: recomputes what a bridge published, sharing no code with what wrote it (design section 9)."""
