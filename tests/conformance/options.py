"""The options of `add-nodes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coordinator.consensus.config import Config, ReadOnly
from coordinator.consensus.messages import ConfState, Snapshot
from tests.conformance.reader import Argument
from tests.conformance.values import Refused, truth

_FLAGS = {
    "prevote": "pre_vote",
    "checkquorum": "check_quorum",
    "step-down-on-removal": "step_down_on_removal",
    "disable-conf-change-validation": "disable_conf_change_validation",
    "async-storage-writes": "async_storage_writes",
}
_NUMBERS = {
    "inflight": "max_inflight",
    "max-committed-size-per-ready": "max_committed_bytes_per_ready",
}
_SNAPSHOT = frozenset({"voters", "learners", "index", "content"})


def new_member_options(
    options: Sequence[Argument],
) -> tuple[Callable[[int], Config], Snapshot | None]:
    """How to configure the member with a given id, and the snapshot it starts with."""
    settings: dict[str, Any] = {
        "election_tick": 3,
        "heartbeat_tick": 1,
        "max_inflight": 2**62,
        "pre_vote": False,
        "check_quorum": False,
    }
    start: dict[str, tuple[str, ...]] = {}
    for option in options:
        if option.key in _SNAPSHOT:
            start[option.key] = option.values
        else:
            settings |= _setting(option)
    snapshot = _start(start) if start else None
    if snapshot is not None:
        settings["applied"] = snapshot.index
    return lambda member: Config(id=member, **settings), snapshot


def _setting(option: Argument) -> dict[str, object]:
    value = option.values[0]
    if option.key in _FLAGS:
        return {_FLAGS[option.key]: truth(value)}
    if option.key in _NUMBERS:
        return {_NUMBERS[option.key]: int(value)}
    if option.key == "read-only":
        try:
            return {"read_only": ReadOnly(value)}
        except ValueError:
            raise Refused(f'invalid read-only option "{value}"') from None
    raise ValueError(f"the core has no option {option.text}")


def _start(options: dict[str, tuple[str, ...]]) -> Snapshot:
    conf = ConfState(
        voters=tuple(sorted({int(value) for value in options.get("voters", ())})),
        learners=tuple(sorted({int(value) for value in options.get("learners", ())})),
    )
    index = int(options.get("index", ("0",))[0])
    return Snapshot(index, 1, conf, options.get("content", ("",))[0].encode())
