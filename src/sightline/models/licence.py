"""The licence of a model: what its own metadata says, or a licence text beside it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sightline.models.locate import Located

__all__ = ["licence_of"]

_KEYS = ("license", "licence", "model_info.license", "model_license")
_LEAST_READ = 20_000
# The words by which a text is known -> its SPDX name; the narrower first.
_TEXTS = (
    (r"GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0"),
    (r"GNU LESSER GENERAL PUBLIC LICENSE", "LGPL"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 3", "GPL-3.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 2", "GPL-2.0"),
    (r"Apache License\s+Version 2\.0", "Apache-2.0"),
    (r"Mozilla Public License,? (v\. |Version )?2\.0", "MPL-2.0"),
    (r"Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    (r"Redistribution and use in source and binary forms[\s\S]*Neither the name", "BSD-3-Clause"),
    (r"Redistribution and use in source and binary forms", "BSD-2-Clause"),
    (r"YOLO LICENSE", "YOLO LICENSE"),
    (r"Creative Commons Attribution-NonCommercial", "CC-BY-NC"),
    (r"Creative Commons Attribution", "CC-BY"),
)


def licence_of(metadata: Mapping[str, str], located: Located) -> str:
    """The licence that the file's metadata names, or whose text lies in a folder that is all this model's; else ""."""
    for key in _KEYS:
        if told := metadata.get(key, "").strip():
            return told
    if not located.whole:
        return ""
    for path in sorted(located.folder.iterdir()):
        if path.is_file() and path.name.lower().startswith(("license", "licence", "copying")):
            return _known(path)
    return ""


def _known(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_LEAST_READ).decode("utf-8", "replace")
    except OSError:
        return ""
    named = next((name for words, name in _TEXTS if re.search(words, text, re.I)), "")
    return named or f"see {path.name}"
