"""Key files in both forms: every entry with its line, whatever people write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.foreign.keyfile import Entry, KeyFile, parse_key_file, read_key_file

PLAIN = Path("config.txt")
YML = Path("config.yml")


def said(file: KeyFile) -> list[tuple[int, str, str, str]]:
    return [(e.line, e.group, e.key, e.value) for e in file.entries]


def test_groups_keys_values_and_their_lines() -> None:
    text = "# first\n[property]\ngpu-id=0\n\n  onnx-file = a b.onnx \n[class-attrs-all]\nthreshold=0.5\n"
    file = parse_key_file(text, PLAIN)
    assert said(file) == [
        (3, "property", "gpu-id", "0"),
        (5, "property", "onnx-file", "a b.onnx"),
        (7, "class-attrs-all", "threshold", "0.5"),
    ]
    assert file.groups == ("property", "class-attrs-all")
    assert file.entries[0].where == "config.txt:3"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_kind_of_line_end(end: str) -> None:
    assert said(parse_key_file(end.join(["[a]", "b=1", "c=2", ""]), PLAIN)) == [(2, "a", "b", "1"), (3, "a", "c", "2")]


def test_a_comment_behind_a_value_is_kept_apart() -> None:
    file = parse_key_file("[p]\nmode=3 ## instance\ncolor=#ff0000\nnames=a;b # c=d\n", PLAIN)
    assert [(e.value, e.comment) for e in file.entries] == [("3", "## instance"), ("#ff0000", ""), ("a;b", "# c=d")]


def test_repeated_keys_and_groups_are_all_there_and_the_last_one_counts() -> None:
    file = parse_key_file("[p]\na=1\na=2\n[q]\na=3\n[p]\na=4\n", PLAIN)
    assert [e.value for e in file.entries] == ["1", "2", "3", "4"]
    entry = file.get("p", "a")
    assert entry is not None
    assert (entry.value, entry.line) == ("4", 7)
    assert file.groups == ("p", "q")
    assert file.get("p", "b") is None


def test_what_is_neither_group_nor_key_is_not_lost() -> None:
    file = parse_key_file("before=1\n[p]\nbroken in two\n=5\n; aside\n", PLAIN)
    assert [(e.line, e.group, e.key, e.stray) for e in file.entries] == [
        (1, "", "before", False),
        (3, "p", "broken in two", True),
        (4, "p", "=5", True),
    ]
    assert file.get("p", "broken in two") is None


def test_yaml_with_its_odd_first_line() -> None:
    text = (
        "%YAML:1.0\n# text\nproperty:\n  gpu-id: 0\n  onnx-file: a.onnx  # here\n  offsets: 1;2;3\n"
        "  gpu-id: 1\nclass-attrs-all:\n  topk: 20\n"
    )
    file = parse_key_file(text, YML)
    assert said(file) == [
        (4, "property", "gpu-id", "0"),
        (5, "property", "onnx-file", "a.onnx"),
        (6, "property", "offsets", "1;2;3"),
        (7, "property", "gpu-id", "1"),
        (9, "class-attrs-all", "topk", "20"),
    ]


def test_yaml_keys_outside_groups_deeper_levels_and_lists() -> None:
    text = "property:\nonnx-file: a\nsource:\n  list:\n    - x\n    - y\n  deep:\n    er: 1\nempty: {}\n"
    file = parse_key_file(text, YML)
    assert said(file) == [
        (2, "", "onnx-file", "a"),
        (4, "source", "list", "x;y"),
        (8, "source", "deep.er", "1"),
    ]
    assert file.groups == ("property", "source", "empty")


def test_a_plain_file_that_is_called_yml() -> None:
    assert said(parse_key_file("# so\n[p]\na=1\n", YML)) == [(3, "p", "a", "1")]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xef\xbb\xbf[p]\na=\xc3\xa9\n", "é"),
        ("[p]\na=é\n".encode("utf-16"), "é"),
        (b"[p]\na=\xe9\n", "é"),
    ],
)
def test_encodings(data: bytes, value: str, tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(data)
    assert read_key_file(path).entries == (Entry(str(path), 2, "p", "a", value),)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("c.txt", b"[p]\0", "byte 3 is 0"),
        ("c.yml", b"property:\n\tgpu-id: 0\n", "c.yml:2: not YAML"),
        ("c.yml", b"a: &x [*x, *x]\n", "nested deeper"),
        ("c.yml", b"a: " + b"[" * 3000, "not YAML"),
        ("c.txt", b"\xff\xfe\x00", "not text"),
    ],
)
def test_what_is_refused(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=words):
        read_key_file(tmp_path / name)


def test_aliases_that_multiply_end_early() -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]" for i in range(8)]
    with pytest.raises(ModelError, match="repeated more often"):
        parse_key_file("\n".join(lines), YML)


def test_too_large_or_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_key_file(tmp_path / "none.txt")
    (tmp_path / "big.txt").write_bytes(b"#" * (5 << 20))
    with pytest.raises(ModelError, match="at most"):
        read_key_file(tmp_path / "big.txt")


_PIECES = st.sampled_from(
    ["[property]\n", "property:\n", "  key: 1\n", "key=1\n", "key =2 # x\n", "[", "]", "=", ":", "- ", "&a ", "*a",
     "\t", "%YAML:1.0\n",
     "{", "}", "\r\n", "'", '"', "|", ">", "!x ", "é", "\u2028"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(_PIECES, max_size=30).map("".join), st.text(max_size=200)), st.sampled_from([PLAIN, YML]))
def test_any_text_is_read_or_refused(text: str, path: Path) -> None:
    try:
        file = parse_key_file(text, path)
    except ModelError as error:
        assert str(error).startswith(path.name)  # noqa: PT017
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if path is PLAIN:
        for entry in file.entries:
            assert entry.key in lines[entry.line - 1]
            assert entry.value in lines[entry.line - 1]


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), name=st.sampled_from(["c.txt", "c.yml"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("k") / name
    path.write_bytes(data)
    try:
        read_key_file(path)
    except ModelError as error:
        assert name in str(error)  # noqa: PT017


_WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="-_"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.lists(st.tuples(_WORDS, _WORDS), max_size=5)), max_size=5))
def test_what_is_written_is_read_back(groups: list[tuple[str, list[tuple[str, str]]]]) -> None:
    lines: list[str] = []
    wanted: list[tuple[int, str, str, str]] = []
    for group, pairs in groups:
        lines.append(f"[{group}]")
        for key, value in pairs:
            lines.append(f"{key}={value}")
            wanted.append((len(lines), group, key, value))
    assert said(parse_key_file("\n".join(lines), PLAIN)) == wanted


def test_documents_and_lists_of_yaml_are_read_too() -> None:
    text = "name: a\ntype: x\n---\nname: b\ngroup:\n  key: 1\n"
    found = parse_key_file(text, Path("c.yml"))
    assert [(e.line, e.group, e.key, e.value) for e in found.entries] == [
        (1, "", "name", "a"),
        (2, "", "type", "x"),
        (4, "", "name", "b"),
        (6, "group", "key", "1"),
    ]
    listed = parse_key_file("- name: a\n  deep:\n    key: 1\n- word\n", Path("c.yml"))
    assert [(e.key, e.value) for e in listed.entries] == [("0.name", "a"), ("0.deep.key", "1")]
    assert parse_key_file("- a\n- b\n", Path("c.yml")).entries == ()
