"""Every key of the message brokers' files, nvmsgbroker's own and the protocol adaptors'; brokers come later.

The keys are those that NVIDIA/DeepStream's nvds_msgapi adaptors read: Kafka, AMQP, Azure, MQTT and Redis.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.fates import Known, Rules
from sightline.foreign.side_reasons import passed
from sightline.foreign.written import Written

__all__ = ["BROKER", "GROUPS", "is_broker"]


_WHERE, _WHO = passed("broker", more="where it is"), passed("broker", more="who signs in")
_WHAT, _LINE = passed("broker", more="what messages are filed under"), passed("broker", more="how the line is kept")
_SAFE, _TUNE = passed("broker", more="encryption of the line"), passed("broker", more="settings of its client")
_READ = passed("broker", more="only what is read from it")

GROUPS: dict[str, dict[str, Known]] = {
    "message-broker": {
        # Kafka
        "proto-cfg": _TUNE,
        "producer-proto-cfg": _TUNE,
        "consumer-proto-cfg": _TUNE,
        "partition-key": _WHAT,
        "consumer-group-id": _READ,
        "share-connection": _LINE,
        # AMQP
        "hostname": _WHERE,
        "port": _WHERE,
        "username": _WHO,
        "password": _WHO,
        "exchange": _WHAT,
        "topic": _WHAT,
        "amqp-framesize": _TUNE,
        "amqp-heartbeat": _LINE,
        # Azure
        "connection_str": _WHO,
        "shared_access_key": _WHO,
        "custom_msg_properties": _WHAT,
        "cleanup-timeout": _LINE,
        # MQTT
        "client-id": _WHO,
        "enable-tls": _SAFE,
        "tls-cafile": _SAFE,
        "tls-capath": _SAFE,
        "tls-certfile": _SAFE,
        "tls-keyfile": _SAFE,
        "loop-timeout": _LINE,
        "keep-alive": _LINE,
        "set-threaded": _TUNE,
        # Redis
        "streamsize": _TUNE,
        "payloadkey": _WHAT,
        "consumergroup": _READ,
        "consumername": _READ,
        "flush-timeout": _LINE,
    },
    "nvmsgbroker": {
        "auto-reconnect": _LINE,
        "retry-interval": _LINE,
        "max-retry-limit": _LINE,
        "work-interval": _LINE,
    },
}


def _of_group(group: str) -> Mapping[str, Known] | None:
    return GROUPS.get(group)


BROKER = Rules(_of_group, tuple(GROUPS), "a message broker's file")


def is_broker(written: Written) -> bool:
    """Whether it has one of the two groups and no other."""
    return bool(written.groups) and all(group in GROUPS for group in written.groups)
