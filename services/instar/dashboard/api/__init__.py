"""The API under /v1: what the commands show and do, for programs in any language."""
