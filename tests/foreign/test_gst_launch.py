"""Launch text: its elements, properties and links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import ConfigError
from sightline.foreign.gst_launch import parse_launch

AT = "twin.json:7"


def links(text: str) -> list[tuple[str, str]]:
    return [(e.name, after.name) for e in parse_launch(text, AT).elements for after in e.after]


def test_a_chain_with_properties() -> None:
    made = parse_launch("videotestsrc num-buffers=5 pattern = ball ! queue ! fakesink sync=false name=end", AT)
    assert [(e.kind, e.name) for e in made.elements] == [
        ("videotestsrc", "videotestsrc0"),
        ("queue", "queue0"),
        ("fakesink", "end"),
    ]
    assert made.elements[0].properties == {"num-buffers": "5", "pattern": "ball"}
    assert [e.name for e in made.elements[0].behind()] == ["queue0", "end"]
    assert [e.name for e in made.elements[2].ahead()] == ["queue0", "videotestsrc0"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a x=1", "1"),
        ('a x="two words"', "two words"),
        ("a x='it \"is\"'", 'it "is"'),
        (r'a x="a \"b\" c"', 'a "b" c'),
        ("a x=rtsp://u:p!w@h:554/p?q=1&r=2", "rtsp://u:p!w@h:554/p?q=1&r=2"),
        (r"a x=with\ space", "with space"),
        ('a x=file:"///a b".mp4', "file:///a b.mp4"),
        ("a x=video/x-raw,format=NV12", "video/x-raw,format=NV12"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert parse_launch(text, AT).elements[0].properties == {"x": value}


def test_named_pads_muxers_and_tees() -> None:
    text = (
        "filesrc location=a ! m.sink_0 nvstreammux name=m ! tee name=t ! queue ! fakesink "
        "rtspsrc location=b ! m.sink_1 t.src_1 ! queue ! filesink location=c"
    )
    assert links(text) == [
        ("filesrc0", "m"),
        ("m", "t"),
        ("t", "queue0"),
        ("t", "queue1"),
        ("queue0", "fakesink0"),
        ("rtspsrc0", "m"),
        ("queue1", "filesink0"),
    ]


def test_names_mean_elements_anywhere_in_the_text() -> None:
    assert links("a ! z. b name=z") == [("a0", "z")]


def test_caps_are_an_element_between_two() -> None:
    text = "a ! video/x-raw(memory:NVMM), width = (int)640, format=NV12 ! b ! 'video/x-raw, height=3' ! c"
    made = parse_launch(text, AT)
    assert [e.kind for e in made.elements] == ["a", "capsfilter", "b", "capsfilter", "c"]
    assert made.elements[1].properties == {"caps": "video/x-raw(memory:NVMM), width = (int)640, format=NV12"}
    assert made.elements[3].properties == {"caps": "video/x-raw, height=3"}
    assert len(links(text)) == 4


def test_what_stands_around_it() -> None:
    assert links("gst-launch-1.0 -e -v a ! \\\n  b!c") == [("a0", "b0"), ("b0", "c0")]
    assert links("( a ! b ) ! c") == [("a0", "b0"), ("b0", "c0")]
    assert links("bin.( name=x a ! b )") == [("a0", "b0")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "without an element"),
        ("a !", "ends with a link to nothing"),
        ("! a", "a link without an element before it"),
        ("a ! ! b", "a link without an element before it"),
        ("x=1 a", "has no element"),
        ("a ! gone.", "no element of the name 'gone'"),
        ("a x='open", "a quote is not closed"),
        ("( a", "a bracket is not closed"),
        ("a )", "a closing bracket"),
        ("a x=", "without its value"),
        ("a ! ? b", "neither an element"),
    ],
)
def test_what_is_wrong_is_told(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_launch(text, AT)
    assert str(caught.value).startswith("twin.json:7: launch text")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text", ["rtspsrc user-pw=S3CRET ! ! b", "a user-pw='S3CRET x", "a location=rtsp://u:S3CRET@h ! ! b"]
)
def test_secrets_are_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_launch(text, AT)
    assert "S3CRET" not in str(caught.value)


@given(st.text(alphabet="ab=! \"'.,:()/\\\n\t01-_", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        made = parse_launch(text, AT)
    except ConfigError:
        return
    assert made.elements
    for element in made.elements:
        assert len(list(element.behind())) <= len(made.elements)
