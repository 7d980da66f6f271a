"""A result -> boxes, masks, labels, traces, keypoints, lines and zones, drawn on the frame's own planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sightline.errors import UsageError
from sightline.overlays.areas import corners, draw_map, draw_mask
from sightline.overlays.canvas import Canvas, Region
from sightline.overlays.clock import draw_clock
from sightline.overlays.colors import BLACK, PALETTE, Rgb, parse, parse_veil
from sightline.overlays.counted import arrow, count_words
from sightline.overlays.gaze import draw_gaze
from sightline.overlays.marks import color_of, draw_marks
from sightline.overlays.place import Placer
from sightline.overlays.plates import Plate, stack
from sightline.overlays.points import draw_points
from sightline.overlays.said import Line, of_frame, of_object
from sightline.overlays.text import Sheet, TextTiles
from sightline.overlays.traces import Traces
from sightline.types import I32, Detections, FrameResult, Mark, Picture, Shape

__all__ = ["BoxOverlay"]

_LINE: Rgb = (255, 235, 60)
_ZONE: Rgb = (0, 215, 235)

Box = tuple[int, int, int, int]


class _Object(NamedTuple):
    """One thing to draw: box in whole pixels, what to write, colour, track id; its row, -1 where only predicted."""

    box: Box
    words: Line
    color: Rgb
    foot: tuple[float, float]
    track: int | None
    row: int


@dataclass(slots=True)
class BoxOverlay:
    """Boxes with labels, masks, keypoints, traces of tracks, lines and zones with their counts. One instance a stream.

    labels, ids, scores: what is written beside a box. said: attributes and text, under the label of their object or,
    of the whole view, in the upper left corner. keypoints: with the limbs between them. masks, maps: the pixels of
    objects and of classes, tinted as strongly as `alpha`, 0 to 1. Oriented boxes stand in for upright ones.
    traces: the path of each track over the last `trace_s` seconds.
    thickness: of box edges in pixels, text_px: size of the letters; 0 fits both to the picture.
    colors: label -> "#rrggbb", the rest take the palette in the order of the label table. color_by: "label" or "track".
    boxes: whether edges are drawn. fills: label -> "#rrggbbaa", what its boxes are filled with.
    text_color: of the letters, "" black or white; plate_color: what is behind those of objects, "" their own colour,
    "#rrggbbaa" where the picture is to be seen through it.
    clock: the time of day at which a frame came, with its upper left corner at `clock_at` (x, y), in `clock_color`,
    letters of `clock_px`, 0 as large as the others.
    fill: how strongly zones are tinted, 0 to 1. font: a font file for alphabets that the built-in one lacks.
    """

    labels: bool = True
    ids: bool = True
    scores: bool = True
    traces: bool = True
    keypoints: bool = True
    shapes: bool = True
    masks: bool = True
    maps: bool = True
    said: bool = True
    thickness: int = 0
    text_px: int = 0
    trace_s: float = 2.0
    colors: Mapping[str, str] = field(default_factory=dict[str, str])
    color_by: str = "label"
    fill: float = 0.2
    alpha: float = 0.45
    font: str = ""
    boxes: bool = True
    fills: Mapping[str, str] = field(default_factory=dict[str, str])
    text_color: str = ""
    plate_color: str = ""
    clock: bool = False
    clock_at: tuple[int, int] = (0, 0)
    clock_px: int = 0
    clock_color: str = "#ffffff"
    _fills: dict[str, tuple[Rgb, float]] = field(default_factory=dict[str, tuple[Rgb, float]], init=False, repr=False)
    _front: Rgb | None = field(default=None, init=False, repr=False)
    _plate: tuple[Rgb, float] | None = field(default=None, init=False, repr=False)
    _chosen: dict[str, Rgb] = field(default_factory=dict[str, Rgb], init=False, repr=False)
    _tiles: TextTiles = field(init=False, repr=False)
    _traces: Traces = field(init=False, repr=False)
    _regions: dict[tuple[object, ...], Region] = field(
        default_factory=dict[tuple[object, ...], Region], init=False, repr=False
    )
    _names: tuple[str, ...] = field(default=(), init=False, repr=False)
    _places: dict[str, int] = field(default_factory=dict[str, int], init=False, repr=False)

    def __post_init__(self) -> None:
        if self.color_by not in ("label", "track"):
            raise UsageError(f"overlay color_by {self.color_by!r}; known: label, track")
        if not 0 <= self.fill <= 1:
            raise UsageError(f"overlay fill {self.fill}: from 0 to 1")
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"overlay alpha {self.alpha}: from 0 to 1")
        if self.thickness < 0 or self.text_px < 0 or self.trace_s < 0:
            raise UsageError("overlay thickness, text_px and trace_s: not negative")
        if self.clock_px < 0:
            raise UsageError("overlay clock_px: not negative")
        self._fills = {label: parse_veil(text) for label, text in self.fills.items()}
        self._front = parse(self.text_color) if self.text_color else None
        self._plate = parse_veil(self.plate_color) if self.plate_color else None
        parse(self.clock_color)
        self._chosen = {label: parse(text) for label, text in self.colors.items()}
        self._tiles = TextTiles(self.font)
        self._traces = Traces(self.trace_s)

    def __call__(self, picture: Picture, result: FrameResult, shapes: Sequence[Shape] = ()) -> None:
        """Draw on `picture`, upright, writable, I420 or RGB."""
        canvas = Canvas(picture)
        edge, letters = self._sizes(canvas)
        placer = Placer(canvas.width, canvas.height)
        found = self._objects(result, canvas, edge)
        inner = self._inner(result, canvas, edge)
        self._areas(canvas, result, found, inner)
        if self.shapes:
            for shape in shapes:
                self._shape(canvas, shape, edge)
        if self.traces and self.trace_s > 0:
            self._trace(canvas, result, found, edge)
        self._fill(canvas, result.prediction.detections, found)
        self._outlines(canvas, result.prediction.detections, found, edge)
        for detections, things in inner:
            self._fill(canvas, detections, things)
            self._outlines(canvas, detections, things, max(2, edge // 2))
        draw_marks(canvas, result.prediction.marks)
        if 4 * letters > canvas.height:
            return  # no room for words
        if self.shapes:
            for shape in shapes:
                self._caption(canvas, placer, shape, result, edge, letters)
        if self.said:
            self._corner(canvas, placer, of_frame(result.prediction, self.scores), letters)
        self._write(canvas, placer, result.prediction.detections, found, letters)
        for detections, things in inner:
            self._write(canvas, placer, detections, things, max(10, letters * 3 // 4))
        self._write_marks(canvas, placer, result.prediction.marks, letters)
        if self.clock:
            draw_clock(
                canvas, self._tiles, result.frame, self.clock_at, self.clock_px or letters, parse(self.clock_color)
            )

    def _inner(self, result: FrameResult, canvas: Canvas, edge: int) -> list[tuple[Detections, list[_Object]]]:
        """What later stages found within the objects, each stage in colours of its own."""
        found: list[tuple[Detections, list[_Object]]] = []
        for one in result.inside:
            place = self._places.setdefault(one.detections.stage, len(self._places) + 1)
            things = self._things(one.detections, [None] * len(one.detections), canvas, max(2, edge // 2), 3 * place)
            found.append((one.detections, things))
        return found

    def _write_marks(self, canvas: Canvas, placer: Placer, marks: Sequence[Mark], letters: int) -> None:
        for mark in marks:
            if mark.text and mark.points:
                tile = self._tiles.tile(canvas, mark.text, letters, color_of(mark))
                x, y = placer.first_free([(round(mark.points[0][0]), round(mark.points[0][1]))], *tile[0].shape[1::-1])
                canvas.paste(x, y, tile)

    def _areas(
        self,
        canvas: Canvas,
        result: FrameResult,
        found: Sequence[_Object],
        inner: Sequence[tuple[Detections, list[_Object]]],
    ) -> None:
        """What lies under everything else: the class map, then the masks, the strongest on top."""
        prediction = result.prediction
        if self.maps and prediction.classmap is not None:
            draw_map(canvas, prediction, self.alpha, lambda name, index: self._color(name, index, None))
        for detections, things in [(prediction.detections, found), *inner] if self.masks else ():
            for thing in reversed(things) if detections.masks is not None else ():
                if thing.row >= 0 and detections.masks is not None:
                    draw_mask(canvas, detections.masks, thing.row, self.alpha, canvas.ink(thing.color))

    def _outlines(self, canvas: Canvas, seen: Detections, found: Sequence[_Object], edge: int) -> None:
        """Boxes, oriented where the model gives them so, and keypoints."""
        oriented, keypoints = seen.columns.get("obb"), seen.keypoints
        for thing in reversed(found) if self.boxes else ():
            sides = corners(oriented[thing.row]) if oriented is not None and thing.row >= 0 else ()
            if sides:
                canvas.polyline(sides, edge, canvas.ink(thing.color), closed=True)
            else:
                canvas.outline(*thing.box, edge, canvas.ink(thing.color))
        for thing in found if self.keypoints else ():
            if thing.row >= 0 and keypoints is not None:
                draw_points(canvas, keypoints[thing.row], thing.color, edge)
            if thing.row >= 0:
                draw_gaze(canvas, seen, thing.row, edge)

    def _fill(self, canvas: Canvas, seen: Detections, found: Sequence[_Object]) -> None:
        """Boxes of the labels that are to be filled."""
        for thing in reversed(found) if self._fills else ():
            label = seen.name_of(thing.row) if thing.row >= 0 else ""
            if label in self._fills:
                color, opacity = self._fills[label]
                canvas.veil(*thing.box, opacity, canvas.ink(color))

    def _sheet(self, canvas: Canvas, letters: int, own: Rgb) -> Sheet:
        """The words about something of colour `own`."""
        plate, opacity = (own, 1.0) if self._plate is None else self._plate
        return self._tiles.sheet(canvas, letters, plate, self._front, opacity)

    def _sizes(self, canvas: Canvas) -> tuple[int, int]:
        """(thickness of edges, size of letters) in pixels."""
        side = min(canvas.width, canvas.height)
        edge = self.thickness or max(2, 2 * round(side / 600))
        return edge, self.text_px or max(11, round(side / 48))

    def _color(self, label: str, index: int, track: int | None) -> Rgb:
        chosen = self._chosen.get(label)
        if chosen is not None:
            return chosen
        if self.color_by == "track" and track is not None:
            index = track
        return PALETTE[index % len(PALETTE)]

    # -- objects -----------------------------------------------------------------------------------------------------

    def _objects(self, result: FrameResult, canvas: Canvas, edge: int) -> list[_Object]:
        """What there is to draw, strongest first; without a model's look at the frame, where the tracks should be."""
        found, tracks = result.prediction.detections, result.tracks
        self._names = found.names or self._names
        ids: list[int | None] = [None] * len(found)
        for row, track in zip(tracks.row.tolist(), tracks.id.tolist(), strict=True):
            ids[row] = track
        boxes, scores, labels = found.xyxy, found.score, found.label
        if not result.inferred and len(tracks.coasting):
            boxes = np.concatenate([boxes, tracks.coasting_xyxy])
            scores = np.concatenate([scores, tracks.coasting_score])
            labels = np.concatenate([labels, tracks.coasting_label])
            ids += tracks.coasting.tolist()
        everything = Detections(boxes, scores, labels, self._names)
        return self._things(everything, ids, canvas, edge, 0, len(found))

    def _things(
        self,
        found: Detections,
        ids: Sequence[int | None],
        canvas: Canvas,
        edge: int,
        tint: int,
        seen: int = -1,
    ) -> list[_Object]:
        """Rows as what there is to draw, strongest first. tint: moves the palette on. seen: rows from there on are
        only predicted.
        """
        boxes, scores, labels = found.xyxy, found.score, found.label
        limit = np.array([canvas.width, canvas.height] * 2, np.float32)
        sound = np.flatnonzero(np.isfinite(boxes).all(1) & np.isfinite(scores))
        order = sound[np.argsort(-scores[sound], kind="stable")]
        cut = np.clip(boxes[order], 0, limit)
        # edges lie half outside the box, on even pixels; halves go inwards on all four sides
        pairs = (cut + np.array([-edge, -edge, edge, edge], np.float32) / 2) / 2
        whole = np.concatenate([np.floor(pairs[:, :2] + 0.5), np.ceil(pairs[:, 2:] - 0.5)], 1).astype(np.int64) * 2
        things: list[_Object] = []
        rows = zip(
            order.tolist(), cut.tolist(), whole.tolist(), scores[order].tolist(), labels[order].tolist(), strict=True
        )
        for row, (x1, _, x2, y2), box, score, label in rows:
            name = found.name_of(row)
            track = ids[row]
            words = self._words(name, track, score)
            things.append(
                _Object(
                    (box[0], box[1], box[2], box[3]),
                    words,
                    self._color(name, label + tint, track),
                    ((x1 + x2) / 2, y2),
                    track,
                    row if seen < 0 or row < seen else -1,
                )
            )
        return things

    def _words(self, name: str, track: int | None, score: float) -> Line:
        """What changes seldom, and the score: each is drawn once and kept."""
        known = name if self.labels else ""
        if self.ids and track is not None:
            known = f"{known} #{track}" if known else f"#{track}"
        if not self.scores:
            return (known,) if known else ()
        return (known, f"{score:.2f}") if known else (f"{score:.2f}",)

    def _write(self, canvas: Canvas, placer: Placer, seen: Detections, found: Sequence[_Object], letters: int) -> None:
        """The words of every object, on its colour."""
        sheets: dict[Rgb, Sheet] = {}
        through = self._plate is not None and self._plate[1] < 1
        more = self.said and ("text" in seen.columns or "attributes" in seen.columns)
        for thing in found:
            lines = of_object(seen, thing.row, self.scores) if more and thing.row >= 0 else ()
            if not thing.words and not lines:
                continue
            sheet = sheets.get(thing.color)
            if sheet is None:
                sheet = sheets[thing.color] = self._sheet(canvas, letters, thing.color)
            if lines or through:
                plates = [Plate(sheet, line) for line in (thing.words, *lines) if line]
                width, height = max(p.width for p in plates), sum(p.height for p in plates)
                stack(canvas, plates, *placer.beside(thing.box, width, height))
                continue
            tiles = [sheet.tile(word) for word in thing.words]
            width = sum([tile[0].shape[1] for tile in tiles])
            x, y = placer.beside(thing.box, width, tiles[0][0].shape[0])
            for tile in tiles:
                canvas.paste(x, y, tile)
                x += tile[0].shape[1]

    def _corner(self, canvas: Canvas, placer: Placer, lines: Sequence[Line], letters: int) -> None:
        """What is said of the whole view, as many lines as fit, in the upper left corner."""
        if not lines:
            return
        sheet = self._sheet(canvas, letters, BLACK)
        plates = [Plate(sheet, line) for line in lines[: canvas.height // self._tiles.height(letters)]]
        width, height = max(p.width for p in plates), sum(p.height for p in plates)
        stack(canvas, plates, *placer.first_free([(0, 0)], width, height))

    def _trace(self, canvas: Canvas, result: FrameResult, found: Sequence[_Object], edge: int) -> None:
        thickness = max(2, edge * 3 // 4)
        self._traces.step_px = 2.0 * edge
        self._traces.begin(result.frame, result.tracks.ended)
        paths: dict[Rgb, list[I32]] = {}
        for thing in found:
            if thing.track is None:
                continue
            path = self._traces.extend(thing.track, *thing.foot)
            if len(path) > 1:
                paths.setdefault(thing.color, []).append(path)
        for color, those in paths.items():
            canvas.paths(those, thickness, canvas.ink(color))

    # -- lines and zones ---------------------------------------------------------------------------------------------

    def _shape(self, canvas: Canvas, shape: Shape, edge: int) -> None:
        """The line with arrows that point to its `in` side, or the zone's border and tint."""
        if not shape.points:
            return
        ink = canvas.ink(_ZONE if shape.closed else _LINE)
        if shape.closed and self.fill > 0:
            key = (shape.points, canvas.width, canvas.height, canvas.planar)
            if key not in self._regions:
                if len(self._regions) > 64:
                    self._regions.clear()
                self._regions[key] = canvas.region(shape.points)
            canvas.tint(self._regions[key], self.fill, ink)
        canvas.polyline(shape.points, edge, ink, closed=shape.closed)
        if not shape.closed and shape.kind != "arrow":
            for start, end in pairwise(shape.points):
                arrow(canvas, start, end, edge, _LINE)

    def _caption(
        self, canvas: Canvas, placer: Placer, shape: Shape, result: FrameResult, edge: int, letters: int
    ) -> None:
        """Name and counts beside the shape."""
        if not shape.points:
            return
        words = count_words(shape, result.counts.get(shape.name, {}))
        tiles = [self._tiles.tile(canvas, word, letters, _ZONE if shape.closed else _LINE) for word in words]
        width, height = sum(tile[0].shape[1] for tile in tiles), tiles[0][0].shape[0]
        if shape.closed:
            x, y = min(shape.points, key=lambda p: p[0] + p[1])
            wishes = ((x, y - height), (x, y), (x, y + height))
        else:
            x, y = shape.points[0]
            gap = 2 * edge
            wishes = ((x, y - height - gap), (x, y + gap), (x - width - gap, y), (x + gap, y))
        x, y = placer.first_free(tuple((round(a), round(b)) for a, b in wishes), width, height)
        for tile in tiles:
            canvas.paste(x, y, tile)
            x += tile[0].shape[1]
