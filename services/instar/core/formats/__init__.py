"""Formats: schemas and their shapes, codecs, framings, canonical forms."""
