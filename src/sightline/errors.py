"""Every error that Sightline raises on purpose, in one tree.

    SightlineError
    ├── UsageError (ValueError)        exit 2: a flag, option, name or configuration is wrong
    │   ├── ConfigError                ... in a file: says file, key and line
    │   └── FixedBatchError            ... more views at once than the model is made for
    ├── ModelError (ValueError)        exit 2: a model file cannot be read, or does not say what it means
    │   └── UndecidedError             ... nothing is wrong with the file; a question to answer with a flag
    ├── InputError (ValueError)        exit 2: a local video, picture or text cannot be read
    ├── MissingExtraError (ImportError) exit 2: an optional dependency is not installed
    ├── StreamError (ConnectionError)  exit 1: a live input could not be reached or was lost
    ├── OutputError (OSError)          exit 1: a result could not be written
    ├── RuntimeFailure (RuntimeError)  exit 1: inference or another stage failed
    └── Interrupted                    exit 130: Ctrl-C

Messages are one or two lines: what was wrong, where, what to do.
"""

from __future__ import annotations

import re

__all__ = [
    "ConfigError",
    "FixedBatchError",
    "InputError",
    "Interrupted",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "RuntimeFailure",
    "SightlineError",
    "StreamError",
    "UndecidedError",
    "UsageError",
    "hide_credentials",
]

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_SECRET_QUERY = re.compile(r"(?i)([?&](?:sig|signature|token|access_token|key|api_?key|password|pwd|auth)=)[^&\s'\"]+")


def hide_credentials(text: str) -> str:
    """`text` with the user part of every URL and the secret queries replaced by `***`."""
    return _SECRET_QUERY.sub(r"\1***", _CREDENTIALS.sub("***@", text))


class SightlineError(Exception):
    """The root; `exit_code` is what the command line returns for it. Messages never hold credentials."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(hide_credentials(message))


class UsageError(SightlineError, ValueError):
    """A flag, option or name is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file is wrong; the message names file, key and line."""


class FixedBatchError(UsageError):
    """A model takes so many views at once and no others; the message says so."""


class ModelError(SightlineError, ValueError):
    """A model file cannot be read or contradicts itself."""

    exit_code = 2


class UndecidedError(ModelError):
    """The model does not say how it is to be fed or read; the message names the flags that would."""


class InputError(SightlineError, ValueError):
    """A local input cannot be read."""

    exit_code = 2


class MissingExtraError(SightlineError, ImportError):
    """An optional dependency is missing; the message names the extra that brings it."""

    exit_code = 2


class StreamError(SightlineError, ConnectionError):
    """A live input could not be reached, or was lost."""


class OutputError(SightlineError, OSError):
    """A result could not be written."""


class RuntimeFailure(SightlineError, RuntimeError):
    """Inference or another stage failed while running."""


class Interrupted(SightlineError):
    """The user stopped the run."""

    exit_code = 130
