"""Every key that `explain` calls honoured or translated changes the pipeline when its value changes, and none is
called so without a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sightline.config_text import dump_config
from sightline.foreign.app_keys import APP_GROUPS
from sightline.foreign.app_pipeline import config_of, plan_of
from sightline.foreign.element_keys import ELEMENTS
from sightline.foreign.fates import Known
from sightline.foreign.places import Places
from sightline.foreign.tao_keys import TAO_GROUPS
from sightline.foreign.written import read_written
from tests.foreign.app_cases import APP, BASE, TAO, TAO_BASE, Case, rendered, rendered_yaml, write_files
from tests.foreign.node_cases import ALIKE, ELEMENT_CASES, NodeCase, rendered_nodes


def _told(groups: Mapping[str, Mapping[str, Known]]) -> set[tuple[str, str]]:
    return {
        (group, key) for group, table in groups.items() for key, known in table.items() if known.status != "ignored"
    }


def _pipeline(text: str, name: str, folder: Path) -> str:
    path = folder / name
    path.write_text(text)
    return dump_config(config_of(plan_of(read_written(path), Places())).config)


def _concrete(group: str, key: str, number: str = "0") -> tuple[str, str]:
    return group.replace("#", "" if group in ("primary-gie#", "tracker#", "nvds-analytics#") else number), key.replace(
        "#", "0"
    )


def test_every_told_key_of_deepstream_app_has_a_case() -> None:
    assert _told(APP_GROUPS) == set(APP)


@pytest.mark.parametrize(("place", "case"), list(APP.items()), ids=[f"{g}.{k}" for g, k in APP])
@pytest.mark.parametrize("form", ["txt", "yml"])
def test_a_key_of_deepstream_app_changes_the_pipeline(
    place: tuple[str, str], case: Case, form: str, tmp_path: Path
) -> None:
    write_files(tmp_path)
    name, entry = _concrete(*place)
    base = {**BASE, "application": {"enable-perf-measurement": "1"}}
    made: list[str] = []
    for value in (case.one, case.other):
        if form == "txt":
            made.append(_pipeline(rendered(case, name, entry, value, base), "app.txt", tmp_path))
        else:
            made.append(_pipeline(rendered_yaml(case, name, entry, value, base), "app.yml", tmp_path))
    assert made[0] != made[1]


def test_every_told_key_of_tao_applications_has_a_case() -> None:
    own = {name: table for name, table in TAO_GROUPS.items() if table is not APP_GROUPS.get(name)}
    told = {(g, k) for g, k in _told(own) if g == "source-list" or (g, k) not in APP}
    like_app = {"primary-gie#", "secondary-gie#", "tracker#", "streammux"}
    needed = {(g, k) for g, k in told if g not in like_app and not (g == "source#" and k in SAME_AS_IN_AN_APP)}
    assert needed == set(TAO)


SAME_AS_IN_AN_APP = frozenset(key for group, key in APP if group == "source#")


@pytest.mark.parametrize(("place", "case"), list(TAO.items()), ids=[f"{g}.{k}" for g, k in TAO])
def test_a_key_of_a_tao_application_changes_the_pipeline(place: tuple[str, str], case: Case, tmp_path: Path) -> None:
    write_files(tmp_path)
    group, key = _concrete(*place, number="")
    cleared = {name.replace("#", ""): keys for name, keys in case.beside.items()}
    case = Case(case.one, case.other, cleared)
    made = [
        _pipeline(rendered_yaml(case, group, key, value, TAO_BASE), "app.yml", tmp_path)
        for value in (case.one, case.other)
    ]
    assert made[0] != made[1]


def _elements() -> Iterator[tuple[str, str, NodeCase]]:
    for kind in ELEMENTS:
        for key, case in ELEMENT_CASES.get(ALIKE.get(kind, kind), {}).items():
            yield kind, key, case


def test_every_told_property_of_an_element_has_a_case() -> None:
    assert _told(ELEMENTS) == {(kind, key) for kind, key, _ in _elements()}


@pytest.mark.parametrize(("kind", "key", "case"), list(_elements()), ids=[f"{k}.{p}" for k, p, _ in _elements()])
def test_a_property_of_an_element_changes_the_pipeline(kind: str, key: str, case: NodeCase, tmp_path: Path) -> None:
    write_files(tmp_path)
    shared = ALIKE.get(kind, kind)
    made = [
        _pipeline(
            rendered_nodes(case, shared, key, value).replace(f"type: {shared}\n", f"type: {kind}\n"),
            "pipeline.yaml",
            tmp_path,
        )
        for value in (case.one, case.other)
    ]
    assert made[0] != made[1]
