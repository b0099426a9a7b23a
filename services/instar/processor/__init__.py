"""The processor: workers that carry a migration's records, exactly once (design section 8)."""
