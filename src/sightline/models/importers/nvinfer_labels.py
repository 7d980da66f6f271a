"""The names and the mean picture that an nvinfer file leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.bounded import bytes_of
from sightline.foreign.keyfile import text_of_file
from sightline.models.importers.nvinfer_files import find, missing, places
from sightline.models.importers.nvinfer_settings import Named, Settings

__all__ = ["Names", "mean_of", "names_of"]

_PPM = re.compile(rb"^P6(?:\s+#[^\n]*)*\s+(\d{1,5})(?:\s+#[^\n]*)*\s+(\d{1,5})(?:\s+#[^\n]*)*\s+(\d{1,3})\s", re.S)
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Names:
    """rows: the lines of a label file, each parted at its semicolons. file: None where there is none.

    absent: where it was looked for in vain.
    """

    rows: tuple[tuple[str, ...], ...] = ()
    file: Path | None = None
    warnings: tuple[str, ...] = ()
    absent: tuple[Path, ...] = ()

    def of_classes(self, settings: Settings, warnings: list[str]) -> tuple[str, ...]:
        """Names by class id; of a classifier with several questions one row of names each, with semicolons."""
        rows = self.rows
        if settings.task == "classify":
            if len(rows) == 1:
                return rows[0]
            several = any(len(row) > 1 for row in rows)
            return tuple("; ".join(row) for row in rows) if several else tuple(row[0] for row in rows)
        if len(rows) == 1 and len(rows[0]) > 1:
            rows = tuple((word,) for word in rows[0])
        names = tuple(row[0] for row in rows)
        if settings.classes is not None and names and len(names) != settings.classes:
            kept = "the rest has no names" if len(names) < settings.classes else "the surplus is kept"
            warnings.append(f"{self.file}: {len(names)} labels for num-detected-classes={settings.classes}; {kept}")
        return names


def names_of(settings: Settings, config: Path) -> Names:
    """The label file's rows, empty lines left out as DeepStream does; a warning where it is missing."""
    if settings.labels is None:
        return Names()
    path = find(settings.labels, config)
    if path is None:
        note = f"{missing(settings.labels, config)}; the classes go without names"
        return Names(warnings=(note,), absent=tuple(places(settings.labels.text, config)))
    text = text_of_file(path).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    rows: list[tuple[str, ...]] = []
    for line in text.split("\n"):
        if not line:
            continue
        words = [word.strip() for word in line.split(";")]
        while len(words) > 1 and not words[-1]:
            words.pop()
        rows.append(tuple(words))
    return Names(tuple(rows), path)


def mean_of(named: Named, config: Path) -> tuple[tuple[float, ...], str]:
    """The mean of each channel of a PPM, in its order, and the warning that it is a mean. Raises ModelError.

    https://netpbm.sourceforge.net/doc/ppm.html; DeepStream subtracts the picture pixel by pixel.
    """
    path = find(named, config)
    if path is None:
        raise ModelError(missing(named, config))
    data = bytes_of(path, _MOST_BYTES, "mean picture")
    match = _PPM.match(data)
    if match is None:
        raise ModelError(f"{path}: no binary PPM picture (P6), which {named.where} should name")
    width, height, depth = (int(number) for number in match.groups())
    pixels = memoryview(data)[match.end() :]
    if not width or not height or not 0 < depth < 256 or len(pixels) < width * height * 3:
        raise ModelError(f"{path}: a picture of {width}x{height} with {len(pixels):,} bytes of it; copy it again")
    count = width * height
    means = tuple(round(sum(pixels[k : count * 3 : 3]) / count, 4) for k in range(3))
    shown = ", ".join(f"{value:g}" for value in means)
    return means, f"{named.where}: the picture {path.name} is subtracted as its means, {shown}"
