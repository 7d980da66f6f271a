"""What every tracker demands of its options."""

from __future__ import annotations

__all__ = ["check_fractions", "check_life"]


def check_fractions(**values: float | None) -> None:
    """Each between 0 and 1, or None. Raises ValueError naming the option."""
    for name, value in values.items():
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a number from 0 to 1, got {value}")


def check_life(confirm: int, lost_s: float, coast_s: float) -> None:
    """Raises ValueError naming the option that no track could live with."""
    if confirm < 1:
        raise ValueError(f"confirm: expected at least 1 sighting, got {confirm}")
    for name, value in (("lost_s", lost_s), ("coast_s", coast_s)):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name}: expected a number of seconds, 0 or more, got {value}")
