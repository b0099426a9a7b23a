"""Offset translation: moves a consumer group between a migration's topics (design section 10)."""
