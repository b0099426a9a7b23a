"""The conversions that ``convert`` knows by name (``cents -> decimal``), by the family of values they are about."""
