"""The roll-up against a slow, independent reading of the query, statement by statement."""

import json
import os
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.analytics.rollup_rows import epoch_ms, object_name, summarised, text_of, window_end
from sightline.errors import UsageError

EDGE = "jetson-iva/services/AZURE_STREAMING_ANALYTICS/Edge"


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def regexmatch(text):
    """The 1-based place of the first "|" before a letter, 0 where there is none."""
    for i in range(len(text) - 1):
        if text[i] == "|" and text[i + 1] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
            return i + 1
    return 0


def ends(moments):
    """The ends of all 15 s windows, counted from the full hour, up to the first that holds the last moment."""
    end = min(moments).replace(minute=0, second=0, microsecond=0)
    while end - timedelta(seconds=15) < max(moments):
        yield end
        end += timedelta(seconds=15)


def reading(rows):
    """The three statements of the query one after the other, each over the whole output of the one before."""
    flat = []
    for row in rows:
        if row["@timestamp"] == "1970-01-01T00:00:00.000Z":
            continue
        for index, value in enumerate(row["objects"]):
            flat.append((row["sensorId"], index, value, row["@timestamp"]))
    flattened = []
    for group in dict.fromkeys(flat):
        sensor, _, value, stamp = group
        flattened.append((sensor, value[regexmatch(value) :], stamp, flat.count(group)))
    single = [(sensor, name, stamp) for sensor, name, stamp, matches in flattened if matches == 1]
    if not single:
        return []
    aggregated = []
    for end in ends([moment(stamp) for _, _, stamp in single]):
        held = [r for r in single if end - timedelta(seconds=15) < moment(r[2]) <= end]
        for sensor, name, stamp in dict.fromkeys(held):
            aggregated.append((held.count((sensor, name, stamp)), sensor, name, end))
    out = []
    for end in dict.fromkeys(end for *_, end in aggregated):
        # what the second statement gave bears its window's end as its time, and lies in the window that ends there
        held = [r for r in aggregated if end - timedelta(seconds=15) < r[3] <= end]
        for sensor, name in dict.fromkeys((s, n) for _, s, n, _ in held):
            counts = [c for c, s, n, _ in held if (s, n) == (sensor, name)]
            mean = Fraction(sum(counts), len(counts))
            out.append((mean.numerator // mean.denominator, sensor, name, end.strftime("%Y-%m-%dT%H:%M:%S.000Z")))
    return sorted(out)


def told(rows):
    return sorted((s.count, s.sensor_id, s.object, text_of(s.end_ms)) for s in summarised(rows))


def row(stamp, *objects, sensor="Yard"):
    return {"version": "4.0", "id": 1, "@timestamp": stamp, "sensorId": sensor, "objects": list(objects)}


STAMPS = st.one_of(
    st.integers(0, 80_000).map(lambda ms: text_of(1_588_538_840_000 + ms)),
    st.sampled_from(["2020-05-03T20:47:30.000Z", "2020-05-03T20:47:30.001Z", "1970-01-01T00:00:00.000Z"]),
)
ELEMENTS = st.sampled_from(["1|2|3|4|5|Car", "2|2|3|4|5|Car", "3|2|3|4|5|Person", "e-05|1|2|3|4|dog", "7|1", "x|Y|Z"])


@given(st.lists(st.tuples(STAMPS, st.lists(ELEMENTS, max_size=4), st.sampled_from(["Yard", "Street"])), max_size=30))
def test_agrees_with_a_slow_reading_of_the_query(drawn):
    rows = [row(stamp, *elements, sensor=sensor) for stamp, elements, sensor in drawn]
    assert told(rows) == reading(rows)
    assert told(rows[::-1]) == told(rows)  # times may run backwards


def test_what_is_there_twice_at_one_time_is_left_out_whole():
    one = row("2020-05-03T20:47:20.000Z", "1|0|0|1|1|Car", "2|0|0|1|1|Car")
    assert told([one]) == [(2, "Yard", "Car", "2020-05-03T20:47:30.000Z")]
    assert told([one, one]) == []
    # the same text at another place of the list is another element
    other = row("2020-05-03T20:47:20.000Z", "2|0|0|1|1|Car")
    assert told([one, other]) == [(3, "Yard", "Car", "2020-05-03T20:47:30.000Z")]


def test_the_mean_is_over_the_times_that_had_such_an_object_and_is_cut():
    rows = [row(f"2020-05-03T20:47:2{i}.000Z", *[f"{k}|Car" for k in range(n)]) for i, n in enumerate((1, 2, 2, 0))]
    assert told(rows) == [(1, "Yard", "Car", "2020-05-03T20:47:30.000Z")]


def test_a_window_holds_its_end_and_not_its_beginning():
    assert window_end(30_000, 15_000) == 30_000
    assert window_end(30_001, 15_000) == 45_000
    assert window_end(0, 15_000) == 0
    assert window_end(-1, 15_000) == 0


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ("390|410|351|543|465|Car", "Car"),
        ("e-05|410|351|543|465|car", "car"),
        ("1|2|3|4|5|Car|#|sedan", "Car|#|sedan"),
        ("1|2|3|4|5", "1|2|3|4|5"),
        ("1|2|3|4|5|3d", "1|2|3|4|5|3d"),
        ("", ""),
    ],
)
def test_names(element, name):
    assert object_name(element) == name == element[regexmatch(element) :]


@given(st.integers(-(10**11), 4 * 10**12))
def test_times_there_and_back(ms):
    assert epoch_ms(text_of(ms)) == ms


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"@timestamp": "2020-05-03T20:47:20.000Z", "objects": []}, "row 0: sensorId"),
        ({"sensorId": "a", "objects": []}, "row 0: @timestamp"),
        ({"sensorId": "a", "@timestamp": "soon", "objects": []}, "'soon' is not a time"),
        ({"sensorId": "a", "@timestamp": "2020-05-03T20:47:20.000Z", "objects": [1]}, "objects"),
        ({"sensorId": "a", "@timestamp": "2020-05-03T20:47:20.000Z"}, "objects"),
    ],
)
def test_what_is_no_message_is_named(bad, said):
    with pytest.raises(UsageError, match=said):
        summarised([bad])


@pytest.mark.parametrize("name", ["DemoData.json", "SampleInput.json"])
def test_the_published_data(name):
    assets = os.environ.get("SIGHTLINE_ASSETS")
    if not assets:
        pytest.skip("SIGHTLINE_ASSETS is not set")
    rows = json.loads((Path(assets) / EDGE / name).read_text())
    assert told(rows) == reading(rows)
    assert any(r["@timestamp"].startswith("1970") for r in rows)
    assert told(rows)
