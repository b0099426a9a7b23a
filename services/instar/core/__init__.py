"""The core: bytes in, values out. No clock, no randomness, no network, no files, no logging."""
