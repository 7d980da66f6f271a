"""`sightline gallery` as a user runs it: whose picture is whose, and what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import MODEL

from sightline.cli import main
from sightline.cli.gallery import named_pictures
from sightline.errors import UsageError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((16, 16, 3), 100, np.uint8))
    return path


def test_pictures_are_named_by_their_folders(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("anna/1.jpg", "anna/2.png", "ben/x.jpg")]
    named = [("anna", paths[0]), ("anna", paths[1]), ("ben", paths[2])]
    assert named_pictures(paths) == named
    (tmp_path / "anna" / "notes.txt").write_text("no picture")
    assert named_pictures([tmp_path]) == named
    assert named_pictures([tmp_path / "anna", tmp_path / "ben"]) == named


def test_pictures_in_one_folder_are_named_by_themselves(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("anna.jpg", "ben.jpg")]
    assert named_pictures(paths) == [("anna", paths[0]), ("ben", paths[1])]
    assert named_pictures([tmp_path]) == [("anna", paths[0]), ("ben", paths[1])]


def test_a_folder_of_one_name_is_that_name(tmp_path: Path) -> None:
    path = picture(tmp_path / "people" / "anna" / "1.jpg")
    assert named_pictures([tmp_path / "people"]) == [("anna", path)]


def test_what_is_not_there_or_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        named_pictures([tmp_path / "nobody"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no picture in it"):
        named_pictures([tmp_path / "empty"])


def test_a_detector_makes_no_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = picture(tmp_path / "anna" / "1.jpg")
    assert main(["gallery", str(MODEL), str(path), "-o", str(tmp_path / "g.npz")]) == 2
    assert "its task is detect" in capsys.readouterr().err
    assert not (tmp_path / "g.npz").exists()
