from fractions import Fraction

import pytest

from sightline.cli import main
from sightline.cli.track import track
from sightline.sources.mot import read_mot
from sightline.trackers.bytetrack import ByteTrack
from sightline.types import StreamInfo


def write(path, frames, speed=3):
    """Two objects that walk past each other."""
    lines = [
        f"{f},-1,{100 + speed * f},100,40,80,0.9\n{f},-1,{600 - speed * f},300,40,80,0.8,-1,-1,-1\n" for f in frames
    ]
    path.write_text("".join(lines))
    return path


def rows(text):
    return [tuple(line.split(",")) for line in text.splitlines()]


def test_ids_in_the_form_of_the_reference(tmp_path, capsys):
    det = write(tmp_path / "det.txt", range(1, 6))
    assert main(["track", str(det), "--rate", "25"]) == 0
    got = rows(capsys.readouterr().out)
    assert got[0] == ("2", "1", "106.000", "100.000", "40.000", "80.000", "0.9000", "-1", "-1", "-1")
    assert [(r[0], r[1]) for r in got] == [(str(f), i) for f in range(2, 6) for i in ("1", "2")]


def test_seqinfo_says_the_rate_and_the_flag_overrules_it(tmp_path, capsys):
    """One missed second is too long at 25 a second for lost_s=1, and not at 50."""
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nimWidth=1920\nimHeight=1080\n")
    (tmp_path / "det").mkdir()
    det = write(tmp_path / "det" / "det.txt", [1, 2, 3, 40, 41, 42], speed=0)
    ids = []
    for words in ([], ["--rate", "50"], ["--track", "bytetrack:lost_s=3"]):
        assert main(["track", str(det), *words]) == 0
        ids.append({r[1] for r in rows(capsys.readouterr().out)})
    assert ids == [{"1", "2", "3", "4"}, {"1", "2"}, {"1", "2"}]


def test_the_file_appears_whole(tmp_path):
    det = write(tmp_path / "det.txt", range(20))
    out = tmp_path / "new" / "tracks.txt"
    assert main(["track", str(det), "-o", str(out), "--rate", "30000/1001", "--track", "sort:confirm=1"]) == 0
    assert len(rows(out.read_text())) == 40
    assert [p.name for p in out.parent.iterdir()] == ["tracks.txt"]


def test_nothing_is_left_where_the_input_is_wrong(tmp_path, capsys):
    (tmp_path / "det.txt").write_text("1,-1,1,1,1,1,1\nrubbish\n")
    assert main(["track", str(tmp_path / "det.txt"), "-o", str(tmp_path / "out.txt"), "--rate", "25"]) == 2
    assert "det.txt:2" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["det.txt"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--rate"),
        (["--rate", "fast"], "--rate 'fast'"),
        (["--rate", "0"], "--rate '0'"),
        (["--rate", "25", "--track", "bytetrak"], "bytetrack"),
        (["--rate", "25", "--track", "bytetrack:lost=1"], "lost_s"),
        (["--rate", "25", "--track", "bytetrack:lost_s=long"], "a number"),
        (["--rate", "25", "--track", "bytetrack:high"], "key=value"),
        (["--rate", "25", "--track", "bytetrack:high=7"], "from 0 to 1"),
        (["--rate", "25", "-o", "{input}"], "is the input"),
    ],
)
def test_wrong_words_say_the_cure(tmp_path, capsys, words, says):
    det = write(tmp_path / "det.txt", range(3))
    assert main(["track", str(det), *(w.replace("{input}", str(det)) for w in words)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("sightline: error: ")
    assert says in err
    assert len(err.splitlines()) <= 2


def test_no_detections_no_tracks(tmp_path, capsys):
    (tmp_path / "det.txt").write_text("")
    assert main(["track", str(tmp_path / "det.txt"), "--rate", "25"]) == 0
    assert capsys.readouterr().out == ""


def test_a_hole_of_a_billion_frames_takes_no_time(tmp_path):
    det = write(tmp_path / "det.txt", [0, 1, 2, 10**9, 10**9 + 1], speed=0)
    stream = StreamInfo("det.txt", 1920, 1080, Fraction(1, 25), Fraction(25))
    got = [line.split(",")[:2] for line in track(read_mot(det), ByteTrack(), stream)]
    assert got == [["1", "1"], ["1", "2"], ["2", "1"], ["2", "2"], ["1000000001", "3"], ["1000000001", "4"]]
