"""What becomes of keys: every one exactly once, misspelt ones with what was meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sightline.foreign.app_keys import DEEPSTREAM_APP
from sightline.foreign.broker_keys import BROKER
from sightline.foreign.fates import KeyFate, fates_of, told
from sightline.foreign.keyfile import parse_key_file, read_key_file
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, NVINFER, PROPERTY, TELLING, class_of_group
from sightline.foreign.nvinferserver_keys import NVINFERSERVER


def fates(text: str, name: str = "c.txt") -> tuple[KeyFate, ...]:
    return fates_of(parse_key_file(text, Path(name)).entries, NVINFER)


def test_every_key_has_one_fate_in_order() -> None:
    found = fates("[property]\ngpu-id=0\nonnx-file=a\ngpu-id=1\nnet-scale-factor=1\n[class-attrs-2]\ntopk=3\n")
    assert [(f.line, f.key, f.status) for f in found] == [
        (2, "gpu-id", "ignored"),
        (3, "onnx-file", "honoured"),
        (4, "gpu-id", "ignored"),
        (5, "net-scale-factor", "translated"),
        (7, "topk", "honoured"),
    ]
    assert found[0].why == "said again in line 4, which wins"
    assert found[2].why != found[0].why
    assert told(found) == ("c.txt:2: gpu-id=0: said again in line 4, which wins",)
    assert found[3].plain()["as"] == "input.scale"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("netwrok-mode=2", "did you mean network-mode?"),
        ("odel-engine-file=x", "did you mean model-engine-file?"),
        ("process_mode=2", "did you mean process-mode?"),
        ("Net-Scale-Factor=1", "did you mean net-scale-factor?"),
        ("pre-cluster-threshold=0.4", "it belongs in [class-attrs-all]"),
        ("quite-another-thing=1", "nvinfer has no such key"),
        ("no equals sign here", "a line broken in two?"),
    ],
)
def test_misspelt_keys_name_what_was_meant(line: str, why: str) -> None:
    (found,) = fates(f"[property]\n{line}\n")
    assert found.status == "unknown"
    assert why in found.why
    assert told([found])[0].startswith("c.txt:2: ")


def test_groups_that_nvinfer_has_not() -> None:
    found = fates("topk=1\n[class-attrs-al]\ntopk=1\n[class-attrs-x]\ntopk=1\n[nothing-like-it]\nrows=1\n")
    assert [f.status for f in found] == ["unknown"] * 4
    assert "put it below [class-attrs-all]" in found[0].why
    assert "did you mean [class-attrs-all]?" in found[1].why
    assert "nvinfer has no group [nothing-like-it]" in found[3].why


def test_groups_of_applications_in_a_models_file_are_passed_over_as_there() -> None:
    found = fates("[property]\nnetwork-type=2\n[source-list]\nlist=a.mp4\n[sink0]\nany=1\n[sinks]\nany=1\n")
    assert [f.status for f in found] == ["honoured", "ignored", "ignored", "unknown"]
    assert found[1].why == "DeepStream passes over it as well"


def test_no_key_belongs_in_a_group_that_takes_whatever_is_written() -> None:
    entries = parse_key_file("[sink0]\nhls-max-files=10\n[primary-gie]\nbbox-border-color 0=1\n", Path("a.txt")).entries
    custom, parted = fates_of(entries, DEEPSTREAM_APP)
    assert (custom.status, custom.why) == ("unknown", "deepstream-app has no such key")
    assert parted.why == "unknown key; did you mean bbox-border-color0?"


def test_what_asks_for_nothing_is_not_ignored() -> None:
    found = fates("[property]\noutput-tensor-meta=0\ninput-tensor-from-meta=1\n")
    assert [f.status for f in found] == ["honoured", "ignored"]


def test_the_tables_are_whole() -> None:
    for table in (PROPERTY, CLASS_ATTRS):
        for key, known in table.items():
            assert known.status != "unknown"
            assert known.as_ if known.status != "ignored" else known.why, key
    assert set(TELLING) <= set(PROPERTY)
    assert class_of_group("class-attrs-12") == 12
    assert class_of_group("class-attrs-²") is None
    for group in NVINFERSERVER.groups:
        for key, known in (NVINFERSERVER.of_group(group) or {}).items():
            assert known.as_ or known.why, f"{group}.{key}"


def test_secrets_are_not_shown() -> None:
    text = (
        "[message-broker]\nconnection_str = HostName=hub.net;SharedAccessKey=abcSECRET=\nusername=u\npassword=SECRET\n"
        'proto-cfg="sasl.password=SECRET;linger.ms=1"\n'
    )
    found = fates_of(parse_key_file(text, Path("c.txt")).entries, BROKER)
    assert "SECRET" not in str([fate.plain() for fate in found]) + str(told(found))
    assert found[0].plain()["value"] == "HostName=hub.net;SharedAccessKey=***"
    assert found[3].value.endswith('linger.ms=1"')


# -- the real files --------------------------------------------------------------------------------------------------


def published() -> list[Path]:
    root = os.environ.get("SIGHTLINE_ASSETS")
    if not root:
        pytest.skip("SIGHTLINE_ASSETS does not name the folder of test assets")
    files = sorted((Path(root) / "deepstream-configs").rglob("*"))
    return [file for file in files if file.suffix in (".txt", ".yml") and file.is_file()]


def test_every_key_of_the_published_nvinfer_files_is_known_or_misspelt() -> None:
    unknown: list[str] = []
    repeated = count = 0
    for path in published():
        if b"infer_config" in path.read_bytes():
            continue
        try:
            file = read_key_file(path)
        except ValueError:
            continue  # message texts and the like are no key files
        if not any(file.get("property", key) for key in TELLING):
            continue
        count += 1
        found = fates_of(file.entries, NVINFER)
        assert [(f.line, f.group, f.key, f.value) for f in found] == [
            (e.line, e.group, e.key, e.value) for e in file.entries
        ]
        unknown += [f"{path.name}:{f.line}: {f.key}" for f in found if f.status == "unknown"]
        repeated += sum("said again" in f.why for f in found)
    assert count >= 200
    assert repeated >= 40
    assert "lpd_DetectNet2_ch.yml:54: odel-engine-file" in unknown
    assert len(unknown) <= 8, unknown
