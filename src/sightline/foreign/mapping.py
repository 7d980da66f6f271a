"""What a file from elsewhere names -> what the user has: pairs OLD=NEW, and where the samples' folder lies here.

OLD is the beginning of a path, of a URL or of anything else that a file names; the longest one that fits wins, so that
`rtsp://rtspsim:554/media/=videos/` moves a whole folder and `.../media/a.mkv=here.mp4` one file of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sightline.errors import UsageError

__all__ = ["NOTHING", "Mapping"]

# where DeepStream is installed, with or without its version: the folder that --root stands for
_INSTALLED = re.compile(r"^(?:file://(?:localhost)?)?/opt/nvidia/deepstream/deepstream(?:-[0-9][0-9.]*)?(?=/|$)")
_PAIR = re.compile(r"^(?P<old>.+?)(?P<equals>=)(?P<new>.*)$", re.DOTALL)
_QUERY_ENDS = ("?", "&")


@dataclass(frozen=True, slots=True)
class Mapping:
    """pairs: (OLD, NEW), each OLD once. root: what stands for /opt/nvidia/deepstream/deepstream, "" for nothing.

    Constructing looks at no file. `Mapping.parsed(["OLD=NEW"], root)` reads the words of the command line.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    root: str = ""

    @classmethod
    def parsed(cls, words: Sequence[str], root: str = "") -> Mapping:
        """The words of --map and --root. Raises UsageError for a word that is no pair, or an OLD mapped twice."""
        pairs: dict[str, str] = {}
        for word in words:
            old, new = _pair(word)
            if pairs.get(old, new) != new:
                raise UsageError(f"--map {old}=...: is mapped twice, to {pairs[old]} and to {new}")
            pairs[old] = new
        return cls(tuple(pairs.items()), root)

    def of(self, text: str) -> str:
        """`text` as it is called here: the longest OLD that it begins with replaced by its NEW, else the root's folder
        for DeepStream's own, else `text` as it is. An OLD ends where a name in `text` ends (/, ?, # or its end).
        """
        fitting = [(old, new) for old, new in self.pairs if _begins(text, old)]
        if fitting:
            old, new = max(fitting, key=lambda pair: len(pair[0]))
            return _joined(new, text[len(old) :], old)
        match = _INSTALLED.match(text) if self.root else None
        if match is None:
            return text
        return _joined(self.root, text[match.end() :], "/")

    def maps(self, text: str) -> bool:
        """Whether a pair of the user's is for `text`; the root is none."""
        return any(_begins(text, old) for old, _ in self.pairs)


NOTHING = Mapping()


def _pair(word: str) -> tuple[str, str]:
    """(OLD, NEW). An OLD with a query has equals signs of its own: the pair is parted where a NEW begins."""
    match = _PAIR.match(word)
    if match is None or not match["new"].strip():
        raise UsageError(f"--map {word}: write OLD=NEW, what the file names and what stands for it here")
    old, new = match["old"], match["new"]
    while _in_a_query(old) and "=" in new:
        more, _, new = new.partition("=")
        old = f"{old}={more}"
    if not new.strip():
        raise UsageError(f"--map {old}=: write what stands for it here behind the last =")
    return old.strip(), os.path.expanduser(new.strip())


def _in_a_query(old: str) -> bool:
    """Whether the equals sign behind `old` belongs to a query: ...?sig=..."""
    return "://" in old and "?" in old


def _begins(text: str, old: str) -> bool:
    if not old or not text.startswith(old):
        return False
    rest = text[len(old) :]
    return not rest or old.endswith(("/", "\\", *_QUERY_ENDS)) or rest[0] in "/\\?#"


def _joined(new: str, rest: str, old: str) -> str:
    """`new` and what follows; what is asked of a server behind ? means nothing to a local file."""
    if "://" not in new:
        rest = re.split(r"[?#]", rest, maxsplit=1)[0] if "://" in old or rest.startswith(("?", "#")) else rest
    if not rest:
        return new
    return f"{new.rstrip('/')}/{rest.lstrip('/')}" if old.endswith("/") or rest.startswith("/") else new + rest
