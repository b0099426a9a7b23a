"""instar moves the format of event streams forward while everything keeps running."""

from instar.core.record import Context

__version__ = "0.1.0"

__all__ = ["Context", "__version__"]
