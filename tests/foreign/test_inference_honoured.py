"""What nvinfer and nvinferserver files say of a chain of models changes the chain: every key that is called so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sightline.config_text import dump_config
from sightline.foreign.app_pipeline import config_of, plan_of
from sightline.foreign.fates import Known
from sightline.foreign.nvinfer_keys import PROPERTY
from sightline.foreign.nvinferserver_keys import GROUPS
from sightline.foreign.places import Places
from sightline.foreign.written import read_written
from tests.foreign.app_cases import write_files

APP = (
    "[application]\n[source0]\nenable=1\ntype=2\nuri=file://a.mp4\n[tracker]\nenable=1\n"
    "[primary-gie]\nenable=1\nconfig-file=first.txt\n[secondary-gie0]\nenable=1\nconfig-file={name}\n"
    "[secondary-gie1]\nenable=1\nconfig-file=sgie2.txt\n"
)
# a chain whose second model is looked for by process-mode alone
NODES = (
    "deepstream:\n  nodes:\n  - {{type: uridecodebin, properties: {{uri: 'file://a.mp4'}}}}\n"
    "  - {{type: nvinfer, properties: {{config-file-path: first.txt}}}}\n"
    "  - {{type: nvinfer, properties: {{config-file-path: {name}}}}}\n"
)


@dataclass(frozen=True, slots=True)
class Case:
    """Two writings. block: where a field of nvinferserver stands, {0} for it. primary: of the first model."""

    one: str
    other: str
    block: str = ""
    primary: bool = False
    beside: str = ""


CASES = {
    "gie-unique-id": Case("2", "5"),
    "process-mode": Case("1", "2"),
    "operate-on-gie-id": Case("1", "3"),
    "operate-on-class-ids": Case("0", "0;2"),
    "input-object-min-width": Case("16", "32"),
    "input-object-min-height": Case("16", "32"),
    "input-object-max-width": Case("160", "320"),
    "input-object-max-height": Case("160", "320"),
    "secondary-reinfer-interval": Case("10", "90"),
    "classifier-async-mode": Case("0", "1"),
    "interval": Case("0", "2", primary=True),
}
_CONTROL = "input_control {{ {0} }}"
_SIZES = "input_control {{ object_control {{ bbox_filter {{ {0} }} }} }}"
FIELDS = {
    "infer_config.unique_id": Case("unique_id: 2", "unique_id: 5"),
    "input_control.process_mode": Case(
        "process_mode: PROCESS_MODE_FULL_FRAME", "process_mode: PROCESS_MODE_CLIP_OBJECTS", _CONTROL
    ),
    "input_control.operate_on_gie_id": Case("operate_on_gie_id: 1", "operate_on_gie_id: 3", _CONTROL),
    "input_control.operate_on_class_ids": Case("operate_on_class_ids: [0]", "operate_on_class_ids: [0, 2]", _CONTROL),
    "input_control.interval": Case("interval: 0", "interval: 2", _CONTROL),
    "input_control.secondary_reinfer_interval": Case(
        "secondary_reinfer_interval: 10", "secondary_reinfer_interval: 90", _CONTROL
    ),
    "input_control.async_mode": Case("async_mode: false", "async_mode: true", _CONTROL),
    **{
        f"input_control.object_control.bbox_filter.{side}": Case(f"{side}: 16", f"{side}: 32", _SIZES)
        for side in ("min_width", "min_height", "max_width", "max_height")
    },
}


def of_a_chain(table: Mapping[str, Known]) -> set[str]:
    return {key for key, known in table.items() if known.as_.startswith(("then", "limits"))}


def test_every_key_of_a_chain_has_a_case() -> None:
    assert of_a_chain(PROPERTY) == set(CASES)
    assert {f"{group}.{key}" for group, table in GROUPS.items() for key in of_a_chain(table)} == set(FIELDS)


def made(folder: Path, text: str, name: str) -> str:
    (folder / name).write_text(text)
    return dump_config(config_of(plan_of(read_written(folder / name), Places())).config)


def chains(folder: Path, name: str) -> str:
    """The chain as both forms of application have it; of the text one where the other refuses it."""
    return made(folder, APP.format(name=name), "app.txt") + nodes(folder, name)


def nodes(folder: Path, name: str) -> str:
    try:
        return made(folder, NODES.format(name=name), "app.yaml")
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("key", list(CASES))
def test_a_key_of_nvinfer_changes_the_chain(key: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    case = CASES[key]
    found: list[str] = []
    for value in (case.one, case.other):
        own = {"gie-unique-id": "2", key: value}
        text = "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\n"
        first = "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\ngie-unique-id=1\n"
        lines = "".join(f"{k}={v}\n" for k, v in own.items())
        (tmp_path / "first.txt").write_text(first + (f"{key}={value}\n" if case.primary else ""))
        (tmp_path / "second.txt").write_text(text + ("gie-unique-id=2\n" if case.primary else lines))
        found.append(chains(tmp_path, "second.txt"))
    assert found[0] != found[1]


@pytest.mark.parametrize("field", list(FIELDS))
def test_a_field_of_nvinferserver_changes_the_chain(field: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    case = FIELDS[field]
    (tmp_path / "first.txt").write_text(
        "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\ngie-unique-id=1\n"
    )
    found: list[str] = []
    for written in (case.one, case.other):
        id = written if not case.block else "unique_id: 2"
        backend = 'backend { triton { model_name: "m" model_repo { root: "repo" } } }'
        rest = case.block.format(written) if case.block else ""
        (tmp_path / "second.txt").write_text(f"infer_config {{ {id} {backend} }}\n{rest}\n")
        found.append(chains(tmp_path, "second.txt"))
    assert found[0] != found[1]
