"""instar moves the format of event streams forward while everything keeps running."""

__version__ = "0.1.0"
