"""Ratio tables: ours : the physical limit of this machine : other ways, all from one run. `python -m benchmarks`.

The limit is what nobody can do without: the CPU of decoding the video to planes and of the bare OpenVINO throughput
loop over the same model (and of the bare encoder, where a video is written). See docs/performance.md.
"""
