"""Launch text, element by element -> a pipeline's configuration; what has no meaning here is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sightline.config import StageConfig
from sightline.errors import ConfigError
from sightline.foreign.app_groups import Group
from sightline.foreign.app_outputs import bits_of, osd_of, unit_of
from sightline.foreign.app_pipeline import Translated, config_of
from sightline.foreign.app_plan import AppPlan, Camera, Inference, Messages, Output, Tiles
from sightline.foreign.gst_elements import DISPLAYS, ENCODERS, INFERENCE, SERVERS, SOURCES, known_element
from sightline.foreign.gst_launch import Launched, LaunchElement, parse_launch
from sightline.foreign.keyfile import Entry
from sightline.foreign.named_files import NamedFiles
from sightline.foreign.places import Places
from sightline.foreign.reasons import REASONS
from sightline.foreign.secrets import shown, with_credentials
from sightline.foreign.twin import Configured
from sightline.foreign.twin_parts import dewarp_of, light_tracker, tracker_of
from sightline.foreign.values import flag, numbers, whole
from sightline.foreign.written import read_written
from sightline.sources.addresses import name_of

__all__ = ["launched_pipeline"]

_PLAYS = ("playbin", "playbin3", "uriplaybin", "playsink")
_VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".ts")
_CROPS = ("nvvideoconvert", "videocrop", "nvvidconv")


def launched_pipeline(text: str, where: str, files: NamedFiles, id: str, out: str = "") -> Translated:
    """text: what gst-launch would be given. where: "file:line". out: the folder of relative results, "" the current.

    Raises ConfigError, ModelError, naming the element.
    """
    launched = parse_launch(text, where)
    return _Translation(launched, where, files, id, out).made()


@dataclass(slots=True)
class _Translation:
    launched: Launched
    where: str
    files: NamedFiles
    id: str
    out: str
    plan: AppPlan = field(default_factory=lambda: AppPlan(Path("launch")))
    stages: tuple[StageConfig, ...] = ()

    def made(self) -> Translated:
        file = Path(self.where.rpartition(":")[0] or self.where)
        self.plan = AppPlan(file, Places(self.files.mapping))
        for element in self.launched.elements:
            if not known_element(element.kind):
                self._note(element, f"{element.kind}: an element that is not known; it is passed over")
        self._cameras()
        self._models()
        for element in self.launched.elements:
            self._part(element)
        self._outputs()
        made = config_of(self.plan)
        config, crop = made.config, self._crop()
        if crop is not None:
            limits = config.limits.model_copy(update={"crop": crop, "crop_px": True})
            config = config.model_copy(update={"limits": limits})
        return Translated(config.model_copy(update={"then": (*config.then, *self.stages)}), tuple(self.plan.notes))

    # -- inputs --------------------------------------------------------------------------------------------------------

    def _cameras(self) -> None:
        plan = self.plan
        for element in self._sources():
            drop = self._number(element, "drop-frame-interval")
            transport = "udp" if element.get("protocols", "select-rtp-protocol").lower() in ("udp", "1") else "tcp"
            for url, name in self._addresses(element):
                if not url:
                    raise ConfigError(f"{self._at(element)}: names no input")
                here = with_credentials(self._here(element, url), element.get("user-id"), element.get("user-pw"))
                plan.cameras.append(Camera(here, self._at(element), name or name_of(here), transport, drop))
            plan.loop = plan.loop or self._flag(element, "file-loop", "loop")
        if not plan.cameras:
            raise ConfigError(f"{self.where}: launch text without an input that is known: {self._kinds()}")

    def _sources(self) -> Iterator[LaunchElement]:
        """In the order of the muxer's pads, as far as one is told."""
        yield from (element for element in self.launched.elements if element.kind in SOURCES)

    def _addresses(self, element: LaunchElement) -> Iterator[tuple[str, str]]:
        """(address, name) of each input of one element."""
        kind = element.kind
        if kind == "nvmultiurisrcbin":
            urls = [word.strip() for word in element.get("uri-list").split(",") if word.strip()]
            names = [word.strip() for word in element.get("sensor-id-list", "sensor-name-list").split(",")]
            yield from ((url, names[i] if i < len(names) else "") for i, url in enumerate(urls))
        elif kind == "videotestsrc":
            self._note(element, "a test picture: a street that is made up stands for it")
            yield "synthetic://street", element.name
        elif kind == "nvarguscamerasrc":
            yield f"/dev/video{element.get('sensor-id') or '0'}", ""
        elif kind in ("v4l2src", "nvv4l2camerasrc"):
            yield element.get("device") or "/dev/video0", ""
        elif kind == "udpsrc":
            port = element.get("port") or "5004"
            yield element.get("uri") or f"udp://@{element.get('address') or '0.0.0.0'}:{port}", ""
        else:
            yield element.get("uri", "location"), ""

    def _here(self, element: LaunchElement, url: str) -> str:
        """Where it is here; a local file has to be there."""
        here = self.files.mapping.of(url)
        if "://" in here and not here.startswith("file:"):
            return here
        if here.startswith("/dev/video") and here == url:
            return here
        return str(self.files.path(Configured(url, self._at(element)), element.kind))

    def _crop(self) -> tuple[float, ...] | None:
        """What is cut from the picture before a model sees it; None for nothing."""
        found: dict[tuple[float, ...], LaunchElement] = {}
        for element in self.launched.of_kind(*_CROPS):
            if any(before.kind in INFERENCE for before in element.ahead()):
                continue
            box = self._box(element)
            if box is not None:
                found[box] = element
        if len(found) > 1:
            last = list(found.values())[-1]
            self._note(last, "another src-crop than that of the first stream; the first one is taken for all")
        return next(iter(found), None)

    def _box(self, element: LaunchElement) -> tuple[float, ...] | None:
        text = element.get("src-crop")
        if not text or text.startswith("0:0:0:0"):
            return None
        parts = re.split(r"[:;,]", text)
        if len(parts) != 4 or not all(part.strip().isdigit() and len(part) < 7 for part in parts):
            raise ConfigError(f"{self._at(element)}: src-crop={text[:40]}: left:top:width:height in pixels")
        left, top, width, height = (float(part) for part in parts)
        if not width or not height:
            raise ConfigError(f"{self._at(element)}: src-crop={text[:40]}: leaves nothing of the picture")
        return (left, top, left + width, top + height)

    # -- models --------------------------------------------------------------------------------------------------------

    def _models(self) -> None:
        plan = self.plan
        for element in self._in_order():
            inference = self._inference(element)
            secondary = self._is_secondary(element, inference.file)
            if plan.primary is None and not secondary:
                plan.primary = inference
            elif not secondary:
                self._note(element, "a second model of the whole picture: write a pipeline of its own for it; not run")
            elif plan.primary is None:
                raise ConfigError(f"{self._at(element)}: looks at objects, and no model before it finds any")
            else:
                plan.secondaries.append(inference)

    def _in_order(self) -> list[LaunchElement]:
        """Models in the order in which pictures reach them."""
        models = [element for element in self.launched.elements if element.kind in INFERENCE]
        depth = {id(model): sum(other.kind in INFERENCE for other in model.ahead()) for model in models}
        return sorted(models, key=lambda model: depth[id(model)])

    def _inference(self, element: LaunchElement) -> Inference:
        named = element.get("config-file-path")
        if not named:
            raise ConfigError(f"{self._at(element)}: names no model: write config-file-path=...")
        file = self.files.path(Configured(named, self._at(element)), "config-file-path")
        parent = self._whole(element, "operate-on-gie-id", "infer-on-gie-id")
        classes = self._entry(element, "operate-on-class-ids", "infer-on-class-ids")
        chosen = tuple(int(n) for n in numbers(classes) if n >= 0) if classes is not None else None
        return Inference(
            file=file,
            where=self._at(element),
            id=self._whole(element, "unique-id"),
            parent=None if parent is None or parent < 0 else parent,
            classes=chosen,
            interval=self._whole(element, "interval"),
            secondary=True,
        )

    def _is_secondary(self, element: LaunchElement, file: Path) -> bool:
        mode = element.get("process-mode").lower()
        if mode:
            return mode in ("2", "secondary", "process-mode-clip-objects", "clip-objects")
        written = read_written(file)
        said = written.get("property", "process-mode") or next(
            (e for e in written.entries if e.key == "process_mode" and e.group.endswith("input_control")), None
        )
        return said is not None and said.value in ("2", "PROCESS_MODE_CLIP_OBJECTS")

    # -- the other elements --------------------------------------------------------------------------------------------

    def _part(self, element: LaunchElement) -> None:
        plan, kind = self.plan, element.kind
        if kind == "nvtracker":
            self._tracker(element)
        elif kind == "nvdsanalytics" and self._enabled(element):
            plan.analytics.append(self._named(element, "config-file"))
        elif kind == "nvdspreprocess" and self._enabled(element):
            plan.preprocess.append(self._named(element, "config-file"))
        elif kind == "nvdewarper":
            self._dewarp(element)
        elif kind == "nvdsosd":
            plan.overlay = {"kind": "boxes", "scores": False, "traces": False, **osd_of(self._group(element, "osd"))}
        elif kind == "nvmultistreamtiler" and len(plan.cameras) > 1:
            sides = [self._whole(element, key) or side for key, side in (("width", 1280), ("height", 720))]
            rows, columns = (self._whole(element, key) or 0 for key in ("rows", "columns"))
            plan.tiles = Tiles(rows, columns, sides[0], sides[1])

    def _tracker(self, element: LaunchElement) -> None:
        if element.get("ll-config-file"):
            made = tracker_of(self._named(element, "ll-config-file"), self.files.mapping)
        else:
            made = light_tracker(element.get("ll-lib-file") or "bytetrack")
        self.plan.notes += made.notes
        self.plan.tracker, self.stages = made.part, made.stages

    def _dewarp(self, element: LaunchElement) -> None:
        """Of the stream, or the streams, that it gets."""
        path = self._named(element, "config-file")
        dewarp_of(path)  # what is wrong with it is told with the element
        sources = list(self._sources())
        feeding = {id(other) for other in element.ahead()}
        for number, source in enumerate(sources):
            if id(source) in feeding:
                self.plan.dewarp[number] = path

    def _enabled(self, element: LaunchElement) -> bool:
        return not element.get("enable") or self._flag(element, "enable")

    # -- outputs -------------------------------------------------------------------------------------------------------

    def _outputs(self) -> None:
        plan = self.plan
        for element in self.launched.elements:
            output = self._output(element)
            if output is not None:
                plan.outputs.append(output)
        plan.results.append(self._in_folder(f"{_file_name(self.id)}.jsonl"))

    def _output(self, element: LaunchElement) -> Output | None:
        kind = element.kind
        if kind in ("filesink", "splitmuxsink", "nvvideoencfilesinkbin"):
            return self._video(element)
        if kind == "multifilesink":
            self._note(element, "single pictures are not written; sightline run PICTURES -o FOLDER/ does")
        elif kind in DISPLAYS or (kind in _PLAYS and not element.after):
            return Output("show", pace=element.get("sync").lower() not in ("0", "false"))
        elif kind in SERVERS:
            self._note(element, f"{kind}: {REASONS['rtsp-server']}")
        elif kind == "nvmsgbroker":
            return self._messages(element)
        return None

    def _video(self, element: LaunchElement) -> Output | None:
        path = element.get("location", "output-file")
        if not path:
            raise ConfigError(f"{self._at(element)}: names no file: write location=...")
        ahead = list(element.ahead())
        coder = next((other for other in ahead if other.kind in ENCODERS), element)
        encoder = coder.kind if coder is not element else ""
        if not encoder and not element.kind.startswith(("splitmux", "nvvideoenc")):
            self._note(element, f"{path}: pictures that are not encoded are not written")
            return None
        suffix = Path(path).suffix.lower()
        if suffix not in _VIDEOS:
            self._note(element, f"{path}: written as {Path(path).stem}.mp4, which players can read")
            path = str(Path(path).with_suffix(".mp4"))
        tiled = any(other.kind == "nvmultistreamtiler" for other in ahead)
        bits = bits_of(self._entry(coder, "bitrate"), unit_of(coder.kind))
        gop = self._whole(coder, "iframeinterval", "key-int-max") or 0
        codec = "h265" if "265" in encoder else "h264"
        return Output("video", self._in_folder(path), codec, bitrate=bits, gop=max(0, gop), tiled=tiled)

    def _messages(self, element: LaunchElement) -> Output:
        converter = next((other for other in element.ahead() if other.kind == "nvmsgconv"), None)
        topic = element.get("topic") or f"{_file_name(self.id)}.messages"
        self._note(element, f"nvmsgbroker: {REASONS['broker']}")
        path = self._in_folder(f"{_file_name(topic)}.jsonl")
        if converter is None:
            return Output("messages", path, messages=Messages())
        config = converter.get("config")
        return Output(
            "messages",
            path,
            messages=Messages(
                payload="deepstream-minimal" if converter.get("payload-type") in ("1", "257") else "deepstream",
                every=max(1, self._whole(converter, "frame-interval") or 1),
                api="new" if self._flag(converter, "msg2p-newapi", "msg2p-new-api") else "old",
                config=self._named(converter, "config") if config else None,
            ),
        )

    def _in_folder(self, path: str) -> str:
        return str(Path(self.out) / path) if self.out else path

    # -- words ---------------------------------------------------------------------------------------------------------

    def _named(self, element: LaunchElement, key: str) -> Path:
        named = element.get(key)
        if not named:
            raise ConfigError(f"{self._at(element)}: names no file: write {key}=...")
        return self.files.path(Configured(named, self._at(element)), key)

    def _entry(self, element: LaunchElement, *keys: str) -> Entry | None:
        """The property as an entry whose messages name the element."""
        key = next((key for key in keys if element.properties.get(key)), None)
        if key is None:
            return None
        file, _, line = self.where.rpartition(":")
        value = element.properties[key].replace(":", ";").replace(",", ";")
        return Entry(file, int(line) if line.isdigit() else 1, element.name, key, value)

    def _group(self, element: LaunchElement, base: str) -> Group:
        found = {key: entry for key in element.properties if (entry := self._entry(element, key)) is not None}
        return Group(element.name, base, self.plan.file, found)

    def _whole(self, element: LaunchElement, *keys: str) -> int | None:
        entry = self._entry(element, *keys)
        return None if entry is None else whole(entry)

    def _number(self, element: LaunchElement, key: str) -> int:
        return max(0, self._whole(element, key) or 0)

    def _flag(self, element: LaunchElement, *keys: str) -> bool:
        entry = self._entry(element, *keys)
        return entry is not None and flag(entry)

    def _at(self, element: LaunchElement) -> str:
        return f"{self.where}: {element.name}"

    def _note(self, element: LaunchElement, what: str) -> None:
        self.plan.notes.append(f"{self.where}: {shown('', what)} ({element.name})")

    def _kinds(self) -> str:
        return ", ".join(dict.fromkeys(element.kind for element in self.launched.elements))[:200]


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.\-]+", "_", text).strip(".")[:100] or "pipeline"
