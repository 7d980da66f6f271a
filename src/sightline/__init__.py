"""Your own vision model on your own video."""

__version__ = "0.1.0"
