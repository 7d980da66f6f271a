"""Label files of every habit -> a table of names, and the table fitted to a model's class ids."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import yaml

from sightline.errors import ModelError

__all__ = ["LabelTable", "fit_labels", "parse_labels"]

_NOTHING = frozenset({"none", "n/a", "nothing", "無"})
_BACKGROUND = frozenset({"background", "bg", "__background__", "_background_", "__ignore__", "unlabeled", "???"})
_HEADINGS = frozenset({"id", "index", "class", "classid", "class_id", "name", "names", "label", "labels", "class_name"})
_NUMBERED = re.compile(r"^\s*(\d+)\s*(?:[:,;\t=]|\s)\s*(\S.*)$")


@dataclass(frozen=True, slots=True)
class LabelTable:
    """names in file order; "" for an id without a name. file: where they came from, for messages.

    numbered: the file gives each name its id, so the order is not ours to shift. dropped: a first row "None" was
    passed over. after: the first blank line of a plain list and what follows it, names or prose.
    """

    names: tuple[str, ...]
    file: str = ""
    numbered: bool = False
    dropped: bool = False
    after: tuple[str, ...] = ()


def parse_labels(text: str, file: str) -> LabelTable:
    """The names in a label file: one a line, numbered, separated by semicolons or commas, CSV, JSON, YAML, pbtxt.

    Raises ModelError where it is none of these.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    suffix = file.rsplit(".", 1)[-1].lower()
    if suffix == "json":
        return _from_json(text, file)
    if suffix in ("yaml", "yml"):
        return _from_yaml(text, file)
    if suffix == "pbtxt" or re.search(r"^\s*item\s*\{", text, re.M):
        return _from_pbtxt(text, file)
    if suffix == "csv":
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
        except csv.Error as error:
            raise ModelError(f"{file}: not CSV: {error}") from error
        return _plain(_csv_names([row for row in rows if any(cell.strip() for cell in row)]), file)
    return _from_lines(text, file)


def _from_lines(text: str, file: str) -> LabelTable:
    lines = [_clean(line) for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    filled = [line for line in lines if line]
    if not filled:
        return LabelTable((), file)
    if len(filled) == 1:
        for mark in (";", ",", "\t"):
            if filled[0].count(mark) >= 1:
                return _plain([_clean(word) for word in filled[0].split(mark) if word.strip()], file)
    if "" in lines and lines.index("") > 1:
        # a blank line ends the list where prose follows it; whether it does, only the model's classes can tell
        end = lines.index("")
        return replace(_plain(lines[:end], file), after=tuple(lines[end:]))
    matches = [_NUMBERED.match(line) for line in filled]
    numbers = [int(m.group(1)) for m in matches if m]
    if len(numbers) == len(filled) > 1 and all(a < b for a, b in pairwise(numbers)):
        return _by_id({int(m.group(1)): _clean(m.group(2)) for m in matches if m}, file)
    return _plain(lines, file)


def _clean(word: str) -> str:
    word = word.strip().rstrip(",").strip() if word.strip().startswith(("'", '"')) else word.strip()
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _plain(names: Iterable[str], file: str) -> LabelTable:
    found = list(names)
    dropped = bool(found) and found[0].strip().lower() in _NOTHING
    return LabelTable(tuple(found[1:] if dropped else found), file, dropped=dropped)


def _by_id(named: Mapping[int, str], file: str) -> LabelTable:
    if not named or max(named) > 100_000 or min(named) < 0:
        return LabelTable((), file)
    return LabelTable(tuple(named.get(i, "") for i in range(max(named) + 1)), file, numbered=True)


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _csv_names(rows: list[list[str]]) -> list[str]:
    """The column of names: the one headed so, else the first that is not numbers."""
    if not rows:
        return []
    heads = [cell.strip().lower() for cell in rows[0]]
    column = next((i for i, head in enumerate(heads) if head in ("name", "label", "class_name", "display_name")), None)
    if any(head in _HEADINGS for head in heads):
        rows = rows[1:]
    if column is None:
        wide = [row for row in rows if row]
        texts = (i for i in range(len(heads)) if not all(c[i].strip().isdigit() for c in wide if len(c) > i))
        column = next(texts, 0)
    return [_clean(row[column]) if len(row) > column else "" for row in rows]


def _from_json(text: str, file: str) -> LabelTable:
    try:
        return _from_object(json.loads(text), file)
    except json.JSONDecodeError as error:
        raise ModelError(f"{file}: not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file}: not a label file: nested or numbered beyond limits") from error


def _from_yaml(text: str, file: str) -> LabelTable:
    try:
        return _from_object(yaml.safe_load(text), file)
    except yaml.YAMLError as error:
        raise ModelError(f"{file}: not YAML: {str(error).splitlines()[0]}") from error
    except (ValueError, RecursionError) as error:  # dates that are none, and what json refuses too
        raise ModelError(f"{file}: not a label file: nested or numbered beyond limits") from error


def _from_object(value: object, file: str) -> LabelTable:
    """Names in a list, a {id: name} mapping, or under a usual key of a mapping."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return LabelTable(tuple(str(name) for name in value), file)
    if not isinstance(value, dict):
        return LabelTable((), file)
    table = {str(key): item for key, item in value.items()}
    if table and all(key.isdecimal() and isinstance(item, str) for key, item in table.items()):
        return _by_id({int(key): str(item) for key, item in table.items()}, file)
    for key in ("names", "id2label", "labels", "classes", "class_names", "mappings"):
        if key in table and isinstance(table[key], list | dict):
            found = _from_object(table[key], file)
            if found.names:
                return found
    model = table.get("model")
    heads = model.get("heads") if isinstance(model, dict) else None
    for head in heads if isinstance(heads, list) else ():
        metadata = head.get("metadata") if isinstance(head, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("classes"), list):
            return _from_object(metadata["classes"], file)
    return LabelTable((), file)


def _from_pbtxt(text: str, file: str) -> LabelTable:
    named: dict[int, str] = {}
    for item in re.findall(r"item\s*\{(.*?)\}", text, re.S):
        number = re.search(r"\bid\s*:\s*(\d+)", item)
        name = re.search(r"\bdisplay_name\s*:\s*[\"'](.*?)[\"']", item) or re.search(
            r"\bname\s*:\s*[\"'](.*?)[\"']", item
        )
        if number and name:
            named[int(number.group(1))] = name.group(1)
    return _by_id(named, file)


# -- to a model ------------------------------------------------------------------------------------------------------


def fit_labels(
    table: LabelTable, classes: int | None, *, background: bool, one_based: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names by class id, warnings). classes: how many ids the model has, background included; None unknown.

    background: id 0 is no object; one_based: ids start at 1. Raises ModelError where there are too few names.
    """
    names = list(table.names)
    after = len(table.after)
    if classes is not None and after and len(names) < classes - background <= len(names) + after:
        names, after = [*names, *table.after], 0
    first = names[0].strip().lower() if names else ""
    ours = 0
    leads = first in _BACKGROUND or (table.numbered and first == "")
    if background or one_based:
        if not leads and not (background and classes is not None and len(names) == classes and not table.dropped):
            names.insert(0, "background")
            ours = 1
    elif leads and classes is not None and len(names) == classes + 1:
        names.pop(0)
    warnings: list[str] = []
    theirs, wanted = len(names) - ours, 0 if classes is None else classes - ours
    if after:
        warnings.append(f"{table.file}: what follows the blank line after {len(table.names)} labels is passed over")
    if classes is None or len(names) == classes:
        return tuple(names), tuple(warnings)
    if len(names) > classes:
        warnings.append(f"{table.file}: {theirs} labels for {wanted} classes; the first {wanted} are used")
        return tuple(names[:classes]), tuple(warnings)
    if table.dropped or table.numbered:
        missing = classes - len(names)
        warnings.append(f"{table.file}: the last {missing} of {wanted} classes have no name")
        return tuple(names), tuple(warnings)
    raise ModelError(
        f"{table.file}: {theirs} labels, but the model has {wanted} classes; give a complete file with --labels"
    )
