"""The census: who still reads and writes which version, from what workers and clients publish about themselves."""
