import pytest

from sightline.errors import UsageError
from sightline.options import parse_line, parse_part, parse_zone
from sightline.parts import construct


def test_a_part_and_its_typed_options():
    part = parse_part("bytetrack:lost_s=2, high=0.6,confirm=3,class_agnostic=true")
    assert (part.kind, part.options) == (
        "bytetrack",
        {"lost_s": 2.0, "high": 0.6, "confirm": 3, "class_agnostic": True},
    )
    assert parse_part("sort").options == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bytetrak", "bytetrack"),
        ("bytetrack:hihg=1", "high"),
        ("bytetrack:confirm=two", "a whole number"),
        ("bytetrack:high", "key=value"),
        ("bytetrack:high=", "key=value"),
        ("bytetrack:high=1,high=0", "twice"),
        ("", "tracker"),
    ],
)
def test_what_is_wrong_with_a_part(text, says):
    with pytest.raises(UsageError, match=says):
        parse_part(text)


def test_lines_and_zones():
    line, zone = parse_line("gate=0.1,0.5,0.9,0.5"), parse_zone("yard = px: 0,0, 100,0, 100,100")
    assert (line.kind, line.options) == ("line", {"name": "gate", "points": [[0.1, 0.5], [0.9, 0.5]]})
    assert zone.options == {"name": "yard", "points": [[0, 0], [100, 0], [100, 100]], "px": True}
    assert construct("analytic", line.kind, line.options).points == ((0.1, 0.5), (0.9, 0.5))
    assert construct("analytic", zone.kind, zone.options).px is True


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_line, "gate", "expected a name and points"),
        (parse_line, "=0,0,1,1", "expected a name and points"),
        (parse_line, "gate=0,0,1", "pairs"),
        (parse_line, "gate=0,0", "at least 2 points"),
        (parse_zone, "gate=0,0,1,1", "at least 3 points"),
        (parse_line, "gate=0,zero,1,1", "'zero' is not a number"),
        (parse_line, "gate=0,nan,1,1", "'nan' is not a number"),
        (parse_line, "gate=", "is not a number"),
    ],
)
def test_what_is_wrong_with_a_shape(parse, text, says):
    with pytest.raises(UsageError, match=says) as caught:
        parse(text)
    assert text in str(caught.value)
