"""Figures -> ratios -> text: medians of pairs that were measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Bound", "Limit", "Pair", "Report", "Row", "text"]


@dataclass(frozen=True, slots=True)
class Limit:
    """CPU milliseconds a frame that nobody can avoid."""

    decode_ms: float
    infer_ms: float
    encode_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        return self.decode_ms + self.infer_ms + self.encode_ms


@dataclass(frozen=True, slots=True)
class Pair:
    """The limit and one way to do the work, measured one after the other."""

    limit: Limit
    cpu_ms: float
    frames_per_s: float

    @property
    def share(self) -> float:
        """Of the limit: 1 is what no one can reach."""
        return self.limit.total_ms / self.cpu_ms

    @property
    def own_ms(self) -> float:
        """CPU a frame beyond decoding, inference and encoding."""
        return self.cpu_ms - self.limit.total_ms

    @property
    def own_share(self) -> float:
        """The same as a share of decoding."""
        return self.own_ms / self.limit.decode_ms

    def busy(self, cores: int) -> float:
        """Frames a second, as a share of what its own CPU time would allow on all cores."""
        return self.frames_per_s * self.cpu_ms / 1e3 / cores


@dataclass(frozen=True, slots=True)
class Row:
    """A case as one way does it. name: who; "sightline" is us."""

    case: str
    name: str
    pairs: tuple[Pair, ...]
    cores: int

    @property
    def share(self) -> float:
        return median(p.share for p in self.pairs)

    @property
    def busy(self) -> float:
        return median(p.busy(self.cores) for p in self.pairs)

    @property
    def own_ms(self) -> float:
        return median(p.own_ms for p in self.pairs)

    @property
    def own_share(self) -> float:
        return median(p.own_share for p in self.pairs)

    @property
    def cpu_ms(self) -> float:
        return median(p.cpu_ms for p in self.pairs)

    @property
    def frames_per_s(self) -> float:
        return median(p.frames_per_s for p in self.pairs)

    @property
    def limit(self) -> Limit:
        """Medians of its parts."""
        return Limit(
            median(p.limit.decode_ms for p in self.pairs),
            median(p.limit.infer_ms for p in self.pairs),
            median(p.limit.encode_ms for p in self.pairs),
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure and what it has to be: at least `need`, or at most where `most`. aim: what would be better still."""

    what: str
    value: float
    need: float
    unit: str = ""
    most: bool = False
    aim: float | None = None

    @property
    def met(self) -> bool:
        return self.value <= self.need if self.most else self.value >= self.need


@dataclass(slots=True)
class Report:
    """Everything one run found. facts: the machine and what was measured on; faults: where results differ."""

    facts: dict[str, str] = field(default_factory=dict[str, str])
    rows: list[Row] = field(default_factory=list[Row])
    bounds: list[Bound] = field(default_factory=list[Bound])
    notes: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "facts": self.facts,
            "rows": [_plain(row) for row in self.rows],
            "bounds": [
                {"what": b.what, "value": b.value, "unit": b.unit, "need": b.need, "at_most": b.most, "met": b.met}
                for b in self.bounds
            ],
            "notes": self.notes,
            "faults": self.faults,
        }


def _plain(row: Row) -> dict[str, object]:
    limit = row.limit
    return {
        "case": row.case,
        "name": row.name,
        "pairs": len(row.pairs),
        "decode_ms": limit.decode_ms,
        "infer_ms": limit.infer_ms,
        "encode_ms": limit.encode_ms,
        "cpu_ms": row.cpu_ms,
        "frames_per_s": row.frames_per_s,
        "share": row.share,
        "busy": row.busy,
        "own_ms": row.own_ms,
        "own_share": row.own_share,
    }


def text(report: Report) -> str:
    """The report as tables in Markdown."""
    parts = ["\n".join(f"{key}: {value}" for key, value in report.facts.items())]
    if report.rows:
        parts.append(_ratios(report.rows))
    if report.bounds:
        parts.append(_bounds(report.bounds))
    parts += [f"note: {note}" for note in report.notes]
    parts += [f"DIFFERENT: {fault}" for fault in report.faults]
    return "\n\n".join(part for part in parts if part)


def _ratios(rows: Sequence[Row]) -> str:
    head = ["case", "by", "decode", "infer", "encode", "limit", "CPU ms", "of the limit", "frames/s", "cores busy"]
    cells = [head]
    for row in rows:
        limit = row.limit
        figures = [limit.decode_ms, limit.infer_ms, limit.encode_ms, limit.total_ms, row.cpu_ms]
        words = [f"{ms:.2f}" if ms else "" for ms in figures]
        cells.append([row.case, row.name, *words, f"{row.share:.3f}", f"{row.frames_per_s:.1f}", f"{row.busy:.2f}"])
    return _grid(cells, left=2)


def _bounds(bounds: Sequence[Bound]) -> str:
    cells = [["what", "measured", "needs", "aim", ""]]
    for bound in bounds:
        sign = "at most" if bound.most else "at least"
        unit = f" {bound.unit}" if bound.unit else ""
        aim = "" if bound.aim is None else f"{bound.aim:g}{unit}"
        verdict = "met" if bound.met else "NOT MET"
        cells.append([bound.what, f"{bound.value:.3g}{unit}", f"{sign} {bound.need:g}{unit}", aim, verdict])
    return _grid(cells, left=1)


def _grid(cells: Sequence[Sequence[str]], left: int) -> str:
    """A Markdown table; the first `left` columns to the left, the others to the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]

    def line(row: Sequence[str]) -> str:
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * w if i < left else "-" * (w - 1) + ":") if w > 1 else "-" for i, w in enumerate(widths)]
    return "\n".join([line(cells[0]), line(rule), *(line(row) for row in cells[1:])])
