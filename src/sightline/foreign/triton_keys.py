"""Every field of a Triton model's config.pbtxt and what becomes of it; the importer reads what is honoured.

The fields are those of triton-inference-server/common, model_config.proto.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable
from sightline.foreign.reasons import honoured, translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.written import Written

__all__ = ["GROUPS", "TRITON", "is_triton"]

_SERVING, _CHECKED, _CHAIN = passed("serving"), passed("checked"), passed("ensemble")
_BLOCK = Known("honoured", "", "a block", many=True)


def _all(known: Known, *names: str) -> dict[str, Known]:
    return dict.fromkeys(names, Known(known.status, known.as_, known.why, known.idle, many=True))


_PARAMETER = KeyTable(_all(_SERVING, "key", "value", "string_value"))
GROUPS: dict[str, KeyTable] = {
    "": KeyTable(
        {
            "name": honoured("name", "of the model, and of its folder"),
            "platform": translated("weights", "which file of the model's folder is its own"),
            "backend": translated("weights", "which file of the model's folder is its own"),
            "default_model_filename": honoured("weights"),
            "max_batch_size": translated("input.size", "above 0: dims leave the batch out"),
            **_all(
                _SERVING,
                "runtime",
                "cc_model_filenames",
                "metric_tags",
                "dynamic_batching",
                "sequence_batching",
                "optimization",
                "instance_group",
                "parameters",
                "model_warmup",
                "model_operations",
                "model_transaction_policy",
                "model_repository_agents",
                "response_cache",
                "model_metrics",
                "batch_input",
                "batch_output",
                "version_policy",
                "input",
                "output",
                "ensemble_scheduling",
            ),
        }
    ),
    "input": KeyTable(
        {
            "name": Known("honoured", "inputs", "a name that the graph has not is told"),
            "dims": Known("honoured", "input.size", "for an input of open size", many=True),
            "format": passed("checked"),
            **_all(
                _CHECKED,
                "data_type",
                "is_shape_tensor",
                "allow_ragged_batch",
                "optional",
                "is_non_linear_format_io",
                "reshape",
            ),
        }
    ),
    "output": KeyTable(
        {
            "name": Known("honoured", "outputs", "a name that the graph has not is told"),
            "label_filename": honoured("labels"),
            **_all(_CHECKED, "dims", "data_type", "is_shape_tensor", "is_non_linear_format_io", "reshape"),
        }
    ),
    "input.reshape": KeyTable(_all(_CHECKED, "shape")),
    "output.reshape": KeyTable(_all(_CHECKED, "shape")),
    "version_policy": KeyTable(_all(_SERVING, "latest", "all", "specific")),
    "version_policy.latest": KeyTable(_all(_SERVING, "num_versions")),
    "version_policy.specific": KeyTable(
        {"versions": Known("honoured", "weights", "the highest of these versions", many=True)}
    ),
    "instance_group": KeyTable(
        _all(
            _SERVING,
            *(
                "name",
                "kind",
                "count",
                "gpus",
                "rate_limiter",
                "secondary_devices",
                "profile",
                "passive",
                "host_policy",
            ),
        )
    ),
    "instance_group.rate_limiter": KeyTable(_all(_SERVING, "resources", "priority")),
    "instance_group.rate_limiter.resources": KeyTable(_all(_SERVING, "name", "global", "count")),
    "instance_group.secondary_devices": KeyTable(_all(_SERVING, "kind", "device_id")),
    "dynamic_batching": KeyTable(
        _all(
            _SERVING,
            "preferred_batch_size",
            "max_queue_delay_microseconds",
            "preserve_ordering",
            "priority_levels",
            "default_priority_level",
            "default_queue_policy",
            "priority_queue_policy",
        )
    ),
    "parameters": _PARAMETER,
    "parameters.value": _PARAMETER,
    "ensemble_scheduling": KeyTable(_all(_CHAIN, "step")),
    "ensemble_scheduling.step": KeyTable(
        _all(_CHAIN, "model_name", "model_version", "input_map", "output_map", "model_namespace")
    ),
    "ensemble_scheduling.step.input_map": KeyTable(_all(_CHAIN, "key", "value")),
    "ensemble_scheduling.step.output_map": KeyTable(_all(_CHAIN, "key", "value")),
    "model_transaction_policy": KeyTable(_all(_SERVING, "decoupled")),
    "response_cache": KeyTable(_all(_SERVING, "enable")),
    "batch_input": KeyTable(_all(_SERVING, "kind", "target_name", "data_type", "source_input")),
    "batch_output": KeyTable(_all(_SERVING, "kind", "target_name", "source_input")),
}
# blocks with whatever they hold: hints for that server's own scheduler
_DEEP = (
    "optimization",
    "sequence_batching",
    "dynamic_batching.default_queue_policy",
    "dynamic_batching.priority_queue_policy",
    "model_warmup",
    "model_operations",
    "model_repository_agents",
    "model_metrics",
)
_ANY = KeyTable({}, {"*": Known("ignored", "", _SERVING.why, many=True)})


def _of_group(group: str) -> Mapping[str, Known] | None:
    plain = re.sub(r"\[\d+\]", "", group)
    if plain in GROUPS:
        return GROUPS[plain]
    return _ANY if any(plain == deep or plain.startswith(f"{deep}.") for deep in _DEEP) else None


TRITON = Rules(_of_group, tuple(GROUPS), "a Triton model configuration")


def is_triton(written: Written) -> bool:
    """Whether it is protobuf text that says how a model is served."""
    if written.form != "protobuf":
        return False
    telling = ("platform", "backend", "max_batch_size", "default_model_filename")
    return any(written.get("", key) for key in telling) or written.has("instance_group", "dynamic_batching")
