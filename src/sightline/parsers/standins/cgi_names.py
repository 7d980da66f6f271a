"""`cgi` and `cgitb`: gone since Python 3.13; only what published parsers import of them."""

from __future__ import annotations


def print_arguments() -> None:
    """Nothing: there are no arguments of a web page."""


def reset() -> str:
    """Nothing to reset."""
    return ""


def __getattr__(name: str) -> object:
    raise AttributeError(f"cgi.{name} is gone since Python 3.13, and Sightline's stand-in has not got it")
