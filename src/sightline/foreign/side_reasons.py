"""Why keys of DeepStream's side files are passed over: one sentence a reason, in `explain` and in the documents."""

from __future__ import annotations

from sightline.foreign.fates import Known

__all__ = ["SIDE_REASONS", "passed"]

SIDE_REASONS: dict[str, str] = {
    "hardware": "chooses hardware of one vendor; here --runtime and --device do",
    "memory": "sizes or places that vendor's memory; memory follows the pictures",
    "engine": "of a TensorRT engine, which runs on the GPU it was built for; the model's own file is run",
    "batch": "frames are put together as they come, as many as the model takes",
    "rate": "every stream goes at the rate of its source; --interval passes over frames",
    "turn": "all streams are served in turn",
    "together": "results of all stages leave together with their frame; there is nothing to bring together",
    "graph": "the graph tells the names, shapes, order and types of its inputs and outputs",
    "scaling": "pictures are scaled in one way, tested against the training-time one",
    "not-regions": "a stage looks at its objects wherever they are in the frame",
    "library": "compiled code is never loaded",
    "sequence": "a model that looks at many frames at once says in its manifest how many",
    "mean-picture": "a mean is a number a channel here; sightline import reads such a picture of nvinfer's own file",
    "drawn": "lines and regions are drawn with their counts; the overlay has options of its own",
    "unnamed": "nothing else names it",
    "encrypted": "of an encrypted model, which nobody else can read; export it as ONNX",
    "uff": "a form that no runtime reads any more; export the model as ONNX",
    "precision": "the precision is the file's own; sightline convert makes fp16 and int8",
    "filter": "of the correlation filter that follows what is not detected; trackers here go by boxes and motion",
    "torn": "of joining torn tracks by projected ways; here a lost track goes on by motion",
    "world": "of tracking in the world's coordinates, which needs a calibrated camera; tracks live in the picture",
    "peers": "of tracking over several cameras at once; every stream has tracks of its own",
    "inside": "more of the tracker's inside than its tracks; sinks write every track of every frame",
    "masks": "of a segmenter inside the tracker; a model that gives masks is a stage of its own",
    "smooth": "smooths what is reported; boxes are reported as they were detected",
    "noise": "of the filter's noise in pixels; here it goes with the size of each box",
    "unclip": "boxes at the picture's edge are reported as they were detected",
    "own-ids": "every stream counts its own tracks from 1, always in the same order",
    "overlap": "overlap and size alone decide",
    "border": "a track ends when it is lost, wherever and however small it is",
    "one-kind": "there is but one kind",
    "predicted": "tracks are always compared where they are predicted",
    "command": "a command for a tracker that runs, not a setting",
    "angle": "embeddings are compared by their angle, whatever their length",
    "gallery": "a track keeps one running embedding",
    "plates": "the plate application chooses it itself; name the models as primary-gie and secondary-gie",
    "lidar": "of point clouds, which are not read",
    "as-there": "DeepStream passes over it as well",
    "broker": "needs a message broker, which is still to come; messages go to a file, to stdout or to a web hook",
    "serving": "says how a server runs the model; here it runs in this process",
    "checked": "the graph tells it; where it says something else, that is told",
    "ensemble": "a chain of models: name the folder of the one that finds the objects",
    "head": "of compiled code that reads a model's outputs; the head that does so here has options of its own",
    "rules": "of when pictures are saved; --logic rules say when recordings start and stop",
    "camera": "of a camera's driver; the device's own best mode is taken",
    "raw": "raw outputs go to no other program here; a head reads them",
}


def passed(reason: str, *idle: str, more: str = "") -> Known:
    """A key that is passed over for one of SIDE_REASONS. idle: values that ask for nothing."""
    return Known("ignored", "", SIDE_REASONS[reason] + (f": {more}" if more else ""), idle)
