"""Where outputs go."""

import os
from pathlib import Path

import pytest

from sightline.errors import OutputError, UsageError
from sightline.sinks.target import Staged, check_target, in_folder, is_folder, output_name


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("video.mp4", "video.mp4"),
        ("video.mp4#2", "video#2.mp4"),
        ("gate", "gate.mp4"),
        ("archive.tar.mkv", "archive.tar.mp4"),
        ("v1.25", "v1.25.mp4"),
        ("a/b:c?.avi", "a_b_c_.mp4"),
        ("...", "stream.mp4"),
        ("", "stream.mp4"),
        ("片.mp4#10", "片#10.mp4"),
    ],
)
def test_names(stream: str, name: str) -> None:
    assert output_name(stream, ".mp4") == name


def test_folders(tmp_path: Path) -> None:
    assert is_folder("out/")
    assert is_folder(str(tmp_path))
    assert is_folder(str(tmp_path / "new"))
    assert not is_folder(str(tmp_path / "new.mp4"))
    (tmp_path / "plain").write_text("")
    assert not is_folder(str(tmp_path / "plain"))
    assert in_folder("out/{stream}", "a.mp4#2", "x.jpg") == Path("out/a#2/x.jpg")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    check_target(tmp_path / "new" / "deep" / "out.mp4")
    with pytest.raises(UsageError, match="is a folder"):
        check_target(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        check_target(tmp_path / "file" / "deep" / "out.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="not writable"):
        check_target(tmp_path / "out.mp4")


def test_a_staged_file_has_one_name_at_a_time(tmp_path: Path) -> None:
    final = tmp_path / "new" / "out.mp4"
    staged = Staged(final)
    hidden = staged.begin()
    assert (hidden.parent, hidden.suffix, hidden.name[0]) == (final.parent, ".mp4", ".")
    hidden.write_text("whole")
    staged.commit()
    assert final.read_text() == "whole"
    assert list(final.parent.iterdir()) == [final]
    other = Staged(final)
    other.begin().write_text("half")
    other.discard()
    other.discard()
    assert final.read_text() == "whole"
    assert list(final.parent.iterdir()) == [final]
    with pytest.raises(OutputError, match=r"out\.mp4"):
        other.commit()
