from fractions import Fraction

import pytest

from sightline.errors import InputError
from sightline.sources.mot import read_mot, read_seqinfo


def test_every_way_to_part_columns_and_frames_in_any_order(tmp_path):
    file = tmp_path / "det.txt"
    file.write_bytes(
        b"\xef\xbb\xbf# made by hand\r\n\r\n"
        b"3,-1,10,20,30,40,0.5,-1,-1,-1\r\n"
        b"1; -1; 11; 21; 31; 41; 0.75\r\n"
        b"0 -1 12.5 22 32 42 1e-1 more words\r\n"
        b"1,7,13,23,33,43,99.5,"
    )
    text = read_mot(file)
    assert text.frame.tolist() == [0, 1, 1, 3]
    assert text.ltwh.tolist() == [[12.5, 22, 32, 42], [11, 21, 31, 41], [13, 23, 33, 43], [10, 20, 30, 40]]
    assert text.score.tolist() == [0.1, 0.75, 99.5, 0.5]


@pytest.mark.parametrize("line", ["1,-1,10,20,30,40", "1,-1,10,20,30,40,-1,-1,-1,-1"])
def test_no_score_is_one(tmp_path, line):
    (tmp_path / "det.txt").write_text(line)
    assert read_mot(tmp_path / "det.txt").score.tolist() == [1.0]


def test_nothing_is_nothing(tmp_path):
    (tmp_path / "det.txt").write_text("\n# none\n")
    text = read_mot(tmp_path / "det.txt")
    assert (len(text.frame), text.ltwh.shape, len(text.score)) == (0, (0, 4), 0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1,-1,10,20,30", "5 columns"),
        ("1,-1,10,x,30,40,0.5", "'x' is not a number"),
        ("1.5,-1,10,20,30,40,0.5", "frame 1.5"),
        ("-1,-1,10,20,30,40,0.5", "frame -1"),
        ("nan,-1,10,20,30,40,0.5", "frame nan"),
        ("1,-1,10,20,30,inf,0.5", "finite"),
        ("1,-1,10,20,30,40,nan", "finite"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, says):
    (tmp_path / "det.txt").write_text(f"1,-1,10,20,30,40,0.5\n\n{line}\n")
    with pytest.raises(InputError, match=says) as caught:
        read_mot(tmp_path / "det.txt")
    assert "det.txt:3" in str(caught.value)


def test_files_that_are_no_text(tmp_path):
    (tmp_path / "det.txt").write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_mot(tmp_path / "det.txt")
    with pytest.raises(InputError, match=r"none\.txt"):
        read_mot(tmp_path / "none.txt")
    with pytest.raises(InputError, match="directory"):
        read_mot(tmp_path)


SEQINFO = "[Sequence]\nname=x\nframeRate=14\nseqLength=1000\nimWidth=640\nimHeight=480\nimExt=.jpg\n"


@pytest.mark.parametrize("folder", [".", "det"])
def test_seqinfo_beside_it_or_one_up(tmp_path, folder):
    (tmp_path / "seqinfo.ini").write_text(SEQINFO)
    (tmp_path / "det").mkdir()
    info = read_seqinfo(tmp_path / folder / "det.txt")
    assert info is not None
    assert (info.rate, info.frames, info.width, info.height) == (Fraction(14), 1000, 640, 480)


def test_seqinfo_that_says_little(tmp_path):
    assert read_seqinfo(tmp_path / "deep" / "er" / "det.txt") is None
    for text in ("", "[Sequence]\n", "[Other]\nframeRate=3\n", "[Sequence]\nframeRate=0\n"):
        (tmp_path / "seqinfo.ini").write_text(text)
        info = read_seqinfo(tmp_path / "det.txt")
        assert info is not None
        assert info.rate is None


@pytest.mark.parametrize("text", ["frameRate=3", "[Sequence]\nframeRate=fast\n", "[Sequence]\nframeRate=1/0\n"])
def test_seqinfo_that_is_wrong(tmp_path, text):
    (tmp_path / "seqinfo.ini").write_text(text)
    with pytest.raises(InputError, match=r"seqinfo\.ini"):
        read_seqinfo(tmp_path / "det.txt")
