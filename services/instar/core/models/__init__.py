"""Schemas as Python: the text of a module of pydantic models for one version of a subject."""
