"""What of a key's value may be shown: neither passwords, nor keys, nor what is signed into an address."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

from sightline.errors import hide_credentials

__all__ = ["hidden", "shown", "with_credentials"]

_HIDDEN = "***"
# key=value pairs within a text: connection strings, properties of elements, environments
_INSIDE = re.compile(
    r"(?i)\b((?:shared-?access-?(?:key|signature)|account-?key|primary-?key|secondary-?key|device-?key|"
    r"(?:user|proxy)-(?:pw|id)|password|passwd|pwd|secret|api-?key|token|"
    r"[\w\-]*(?:connection[_-]?string|password|secret|_key|token))\s*=\s*)(\"[^\"]*\"?|'[^']*'?|[^\s;!\"']+)"
)
_QUERY = re.compile(r"(?<=\?)[^\s\"'!]+")
_SECRET_KEYS = re.compile(
    r"(?i)^(?:uname|user-?name|user|pass(?:word|wd)?|pwd|user-(?:pw|id)|sig|signature|"
    r".*(?:password|secret|token|connection[_-]?string|access[_-]?key|account[_-]?key|api[_-]?key|_key))$"
)
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.\-]*://\S+")


def hidden(key: str) -> bool:
    """Whether values of such a key are never shown: uname, password, ...ConnectionString, ..._KEY, token."""
    return _SECRET_KEYS.match(key.rpartition(".")[2].rpartition("/")[2]) is not None


def shown(key: str, value: str) -> str:
    """`value` as it may be shown: *** for a secret, and for what is secret within it."""
    if not value:
        return value
    if hidden(key):
        return _HIDDEN
    plain = _ADDRESS.sub(lambda found: _QUERY.sub(_HIDDEN, found.group()), value)
    return _INSIDE.sub(lambda found: found[1] + _HIDDEN, hide_credentials(plain))


def with_credentials(url: str, user: str, password: str) -> str:
    """The address with user and password, which go above those that it has. To be opened, never to be shown."""
    if not user:
        return url
    parts = urlsplit(url)
    said = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{said}@{parts.netloc.rpartition('@')[2]}"))
