"""What `describe` reports of a model -> lines for people."""

from __future__ import annotations

from typing import Any

from sightline.cli import probing
from sightline.cli.trying import in_words

__all__ = ["lines"]


def lines(report: dict[str, Any]) -> list[str]:
    """One line a fact: what it is, how it is fed and read, why, what is open, where it comes from."""
    size = report["preprocess"]
    sure = f"confidence {report['confidence']:.2f}"
    rows = [
        ("file", f"{report['file']} ({report['format']}, sha256 {str(report['sha256'])[:12]})"),
        *(("from", line) for line in _origin(report["origin"])),
        ("task", report["task"]),
        ("head", f"{report['head'] or 'unknown'}{_options(report['head_options'])}, {sure}"),
        *(("input", _tensor(item)) for item in report["inputs"]),
        *(("output", _tensor(item)) for item in report["outputs"]),
        ("preprocess", _preprocess(size) if size else "unknown"),
        ("labels", _labels(report["labels"])),
        ("thresholds", _thresholds(report["thresholds"])),
        *(("changed", change) for change in report["changes"]),
        *(("because", reason) for reason in report["reasons"]),
        *(("in doubt", doubt) for doubt in report["doubts"]),
        *(("warning", warning) for warning in report["warnings"]),
        *(("key", line) for line in _keys(report["keys"])),
        *(("question", line) for line in str(report["question"]).splitlines()),
    ]
    rows += probing.in_words(report)
    rows.insert(1, ("licence", report["licence"] or "not stated"))
    if tried := report.get("tried"):
        rows += in_words(tried)
        if "written" in tried:
            rows.append(("written", tried["written"]))
    rows += [(key, report[key]) for key in ("saved", "written") if key in report]
    return [f"{key:<11} {text}" for key, text in rows]


def _options(options: dict[str, object]) -> str:
    return f" ({', '.join(f'{k}={v}' for k, v in options.items())})" if options else ""


def _tensor(item: dict[str, Any]) -> str:
    shape = "x".join("?" if n is None else str(n) for n in item["shape"])
    return f"{item['name']} {shape} {item['dtype']} {item['layout']}".rstrip()


def _preprocess(steps: dict[str, Any]) -> str:
    mean, scale = (",".join(f"{v:g}" for v in steps[key]) for key in ("mean", "scale"))
    pad = f" pad {steps['pad']:g}" if "letterbox" in steps["resize"] else ""
    return f"{steps['resize']} to {steps['width']}x{steps['height']}{pad}, {steps['color']}, (pixel - {mean}) / {scale}"


def _labels(labels: list[str]) -> str:
    return f"{len(labels)}: {', '.join(labels[:8])}{' ...' if len(labels) > 8 else ''}" if labels else "none"


def _keys(keys: list[dict[str, Any]]) -> list[str]:
    """One line a translated or ignored key, and how many are honoured; unknown ones are warnings already."""
    told: list[str] = []
    for key in keys:
        named = f"{key['line']}: {key['key']}={str(key['value'])[:40]}"
        if key["status"] == "translated":
            told.append(f"{named} -> {key['as']}")
        elif key["status"] == "ignored":
            told.append(f"{named} ignored: {key['why']}")
    honoured = sum(key["status"] == "honoured" for key in keys)
    return [*told, f"{honoured} of {len(keys)} keys honoured as they are"] if keys else []


def _thresholds(limits: dict[str, Any]) -> str:
    each = f", of a class {limits['each']}" if limits["each"] is not None else ""
    return f"score {limits['score']:g}, nms {limits['nms']:g}, top {limits['top']}{each}"


def _origin(origin: dict[str, Any]) -> list[str]:
    """Where a bundle comes from, in words."""
    told: list[str] = []
    if origin["url"]:
        sure = "as demanded" if origin["checked"] else "which nobody demanded"
        told.append(f"{origin['url']} (sha256 {str(origin['url_sha256'])[:12]}, {sure})")
    if origin["format"] not in ("", "onnx", "openvino", "bundle"):
        files = ", ".join(f"{name} ({str(digest)[:12]})" for name, digest in list(origin["files"].items())[:4])
        told.append(f"{origin['format']}{': ' if files else ''}{files}")
    return told
