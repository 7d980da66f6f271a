"""Events of analytics: see `sightline.facts`."""

from sightline.facts import event

__all__ = ["event"]
