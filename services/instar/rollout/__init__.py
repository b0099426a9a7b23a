"""The rollout: a migration from draft to retired, step by step, and back. The theory is in instar.core.rollout."""
