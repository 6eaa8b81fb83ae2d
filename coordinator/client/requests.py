"""What callers hand in: a task to create, how to change, what to read, which tasks are meant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: ids are read aloud and typed


def new_request_id() -> str:
    """A request id that nobody has used: 32 characters."""
    return os.urandom(16).hex()


def new_task_id(executor: str, request_id: str = "") -> str:
    """An id for a task that was given none: `ticker-` and 8 characters for `demo.ticker` (EX-10).

    Random, or made of the request id: then whoever repeats the request, also in another process, means the same task.
    """
    bytes_ = blake2b(request_id.encode(), digest_size=8).digest() if request_id else os.urandom(8)
    tail = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in bytes_)
    return f"{executor.rpartition('.')[2]}-{tail}"


class NewTask(Struct, frozen=True, kw_only=True):
    """A task to create. What is None is not asked for: the executor's policy fills it in.

    Times in milliseconds; `timeout_ms=0` means no limit, `max_attempts=0` unlimited. `backoff` has the keys kind,
    first_ms, base_ms, cap_ms, jitter; `constraints` and `schedule` are as in `coordinator.client.constraints` and `.schedules`. Without an `id` one is made of the request id.
    """

    executor: str
    params: Mapping[str, Any] = {}
    id: str = ""
    due_at: int | None = None
    priority: int | None = None
    cost: int | None = None
    timeout_ms: int | None = None
    max_attempts: int | None = None
    backoff: Mapping[str, Any] | None = None
    on_lost: str | None = None
    cancel_grace_ms: int | None = None
    retention_ms: int | None = None
    labels: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    exclusive: bool | None = None
    isolation: str | None = None
    object_kind: str = ""
    object_id: str = ""
    parent: str = ""
    constraints: Mapping[str, Any] = {}
    schedule: Mapping[str, Any] | None = None
    after: Sequence[str] = ()
    until: str = ""
    on_dependency_failure: str = ""
    dedup_key: str = ""
    within_occurrence: bool | None = None
    reset_after_ms: int | None = None
    invalid_state: str | None = None
    movable: bool | None = None
    paused: bool = False
    require_assignment: bool = False
    replace_finished: bool = False


class Edit(Struct, frozen=True, kw_only=True):
    """What to change of a task. What is UNSET stays; None (or nothing) is asked for no more, so the policy decides.

    `params` are merged into the present ones (a JSON merge patch: None drops a key), or replace them with
    `all_params`. `labels` sets single labels, None drops one. `state` is taken only while no run exists. `restart`
    stops a current run, so that all takes effect now. `executor_version` may be lowered, for a roll-back.
    """

    params: Mapping[str, Any] | UnsetType = UNSET
    all_params: bool = False
    due_at: int | UnsetType | None = UNSET
    priority: int | UnsetType | None = UNSET
    cost: int | UnsetType | None = UNSET
    timeout_ms: int | UnsetType | None = UNSET
    max_attempts: int | UnsetType | None = UNSET
    backoff: Mapping[str, Any] | UnsetType | None = UNSET
    on_lost: str | UnsetType | None = UNSET
    cancel_grace_ms: int | UnsetType | None = UNSET
    retention_ms: int | UnsetType | None = UNSET
    exclusive: bool | UnsetType | None = UNSET
    isolation: str | UnsetType | None = UNSET
    object: tuple[str, str] | UnsetType | None = UNSET
    schedule: Mapping[str, Any] | UnsetType | None = UNSET
    within_occurrence: bool | UnsetType | None = UNSET
    reset_after_ms: int | UnsetType | None = UNSET
    invalid_state: str | UnsetType | None = UNSET
    movable: bool | UnsetType | None = UNSET
    labels: Mapping[str, str | None] = {}
    state: Any = UNSET
    restart: bool = False
    executor_version: int = 0


class ChangeOptions(Struct, frozen=True, kw_only=True):
    """How to change: the request id makes a repeat harmless, `dry_run` has all checked and nothing written.

    `if_revision` (0: any) refuses the change unless the record still has that revision. `all_or_nothing`: a change of
    many tasks is one command, which changes all of them or none.
    """

    request_id: str = field(default_factory=new_request_id)
    reason: str = ""
    dry_run: bool = False
    if_revision: int = 0
    all_or_nothing: bool = False


class ReadOptions(Struct, frozen=True, kw_only=True):
    """How to read. `stale`: what the answering member has applied, without asking the leader.

    `min_revision` makes a stale read wait until the member has come that far.
    """

    stale: bool = False
    min_revision: int = 0


class Filter(Struct, frozen=True, kw_only=True):
    """Which tasks are meant; everything given must hold.

    `labels` are terms such as `key=value`, `key!=value`, `key`, `!key`; `executor` may have a `*`;
    `include_finished` adds succeeded and cancelled ones. `id_pattern`: with `*`; `running_longer_ms`: user code began
    longer ago than that and has not ended; `recurring`: only tasks with a schedule; `standalone`: only those with neither
    object nor parent.
    """

    ids: Sequence[str] = ()
    labels: Sequence[str] = ()
    statuses: Sequence[str] = ()
    executor: str = ""
    node: str = ""
    parent: str = ""
    object_kind: str = ""
    object_id: str = ""
    include_finished: bool = False
    id_pattern: str = ""
    running_longer_ms: int = 0
    recurring: bool = False
    standalone: bool = False


class RunFilter(Filter, frozen=True, kw_only=True):
    """Which runs are meant: the filter of their tasks, but `node` is where it ran and `statuses` are those of runs
    (assigned, running, stopping, ended); of runs that were there at some time from `since_at` to before `until_at`.
    """

    outcomes: Sequence[str] = ()
    since_at: int = 0
    until_at: int = 0


class Condition(Struct, frozen=True, kw_only=True):
    """What a wait is for: kind default (run of a recurring task, terminal of any other), terminal, run, status, gone, state (the current run has written some), revision (the
    record has changed at or after `revision`) or path (`state.tick >= 10`, value decoded).

    `allocation_id` says which run has to end (or a later one); 0: the one in progress when the wait begins, else the next.
    """

    kind: str
    status: str = ""
    path: str = ""
    op: str = ""
    value: Any = None
    allocation_id: int = 0
    revision: int = 0
