"""The licence of a model, from its metadata or the text beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.models.licence import licence_of
from sightline.models.locate import Located

MIT = "Copyright (c) somebody\n\nPermission is hereby granted, free of charge, to any person obtaining a copy"
AGPL = "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3"
APACHE = "                                 Apache License\n                           Version 2.0, January 2004"
BSD = "Redistribution and use in source and binary forms, with or without ...\n3. Neither the name of the copyright"


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("LICENSE", MIT, "MIT"),
        ("license.txt", APACHE, "Apache-2.0"),
        ("LICENCE.md", AGPL, "AGPL-3.0"),
        ("COPYING", BSD, "BSD-3-Clause"),
        ("LICENSE", "All rights reserved by us.", "see LICENSE"),
    ],
)
def test_texts_are_known(tmp_path: Path, file: str, text: str, name: str) -> None:
    (tmp_path / file).write_text(text)
    whole = Located(tmp_path / "m.onnx", (), "onnx", tmp_path, whole=True)
    assert licence_of({}, whole) == name
    assert licence_of({"license": "AGPL-3.0 (https://example.com)"}, whole) == "AGPL-3.0 (https://example.com)"
    # beside a single file of a folder of many things it may be another's
    assert licence_of({}, Located(tmp_path / "m.onnx", (), "onnx", tmp_path, whole=False)) == ""


def test_none(tmp_path: Path) -> None:
    assert licence_of({}, Located(tmp_path / "m.onnx", (), "onnx", tmp_path, whole=True)) == ""
