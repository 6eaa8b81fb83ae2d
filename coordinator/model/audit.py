"""What operators and code did to the cluster: who, when, what, why, and the answer (TM-75)."""

from __future__ import annotations

import msgspec

from coordinator.model.instants import Instant


class Asker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who asks for a change, as the call says; a request of the leader's own has none. Fields are only appended."""

    by: str
    reason: str = ""
    caller: str = ""  # the call's `x-opaque-id`


class EarlyDrops(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Failed records that went before their time, because too many are kept (TM-74). Fields are only appended."""

    told_at: Instant = 0  # when an event told of them last
    untold: int = 0  # those since


class AuditEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change as it was applied, or refused by the law. Append only: histories and backups have it in this order."""

    number: int  # in the cluster, from 1
    index: int  # of its entry
    at: Instant  # of its entry
    by: str  # operator, code; cluster: the leader by itself
    action: str
    kind: str  # of the target: task run executor node member limit settings cluster
    target: str  # empty: all of that kind
    change: str  # what of it, in a few words
    reason: str
    answer: str  # ok, unchanged, or why it was refused
    detail: str  # what a refusal says
    request_id: str
    caller: str
