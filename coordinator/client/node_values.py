"""What a node and the leader say to each other, as plain values. No grpc in here: `node_session` translates.

All durations are int milliseconds. Where the wire has a zero that means "none", the value here is None.
A node's digest of its runs is defined here, because both sides have to compute the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec


class _Value(msgspec.Struct, frozen=True):
    """Base of all values of this module."""


# --- leader -> node --------------------------------------------------------------------------------------------------


class Welcome(_Value, frozen=True):
    """The session stands. Values that the node counts with from now on."""

    cluster_id: str
    leader: str
    heartbeat_ms: int
    lease_ms: int
    reassign_ms: int
    coordinators: tuple[str, ...] = ()
    disconnect_grace_ms: int = 1_000


class HeartbeatAnswer(_Value, frozen=True):
    """Heartbeat `sequence` was accepted through a quorum round of `term`."""

    sequence: int
    term: int
    heartbeat_ms: int
    lease_ms: int


class WantedRun(_Value, frozen=True):
    """What the leader wants of one task on this node: run it, or (`stop`) end the run.

    `params` and `state` are JSON; `state` None is the null state. `timeout_ms` and `max_attempts` None are no limit.
    `cost` counts units.
    """

    task_id: str
    allocation_id: int
    stop: bool = False
    stop_reason: str = ""
    executor: str = ""
    executor_version: int = 1
    params: bytes = b"{}"
    state: bytes | None = None
    state_version: int = 1
    state_allocation_id: int = 0
    attempt: int = 1
    max_attempts: int | None = None
    timeout_ms: int | None = None
    cancel_grace_ms: int = 10_000
    exclusive: bool = True
    isolation: str = "shared"
    cost: int = 2
    labels: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    due_at: int | None = None
    parent: str | None = None
    own_process: bool = False
    invalid_state: str = ""  # fail, raw; empty: as its executor declares


class Wanted(_Value, frozen=True):
    """`full`: the whole wanted set at `revision`; else what changed after `previous`.

    `more`: further parts of a full set follow; only all of them together are the set.
    """

    full: bool
    revision: int
    previous: int = 0
    runs: tuple[WantedRun, ...] = ()
    gone: tuple[str, ...] = ()
    more: bool = False


class ReportAnswer(_Value, frozen=True):
    """The answer to report `number`: accepted at `revision`, or refused with a reason."""

    number: int
    accepted: bool
    reason: str = ""
    current_allocation_id: int = 0
    revision: int = 0
    detail: str = ""  # of a refusal, for the run's code
    created: bool = False  # of a child: it was not there before


class RunCall(_Value, frozen=True):
    """Somebody asks a run; `payload` is JSON. It is answered once, within `timeout_ms`."""

    call: int
    task_id: str
    allocation_id: int
    method: str
    payload: bytes
    timeout_ms: int
    headers: Mapping[str, str] = {}


class FromLeader(_Value, frozen=True):
    """One frame of the leader. `close` is not empty in the last one and says why."""

    term: int
    welcome: Welcome | None = None
    heartbeat: HeartbeatAnswer | None = None
    wanted: Wanted | None = None
    answers: tuple[ReportAnswer, ...] = ()
    close: str = ""
    close_detail: str = ""
    leader_address: str = ""
    send_runs: bool = False
    calls: tuple[RunCall, ...] = ()


# --- node -> leader --------------------------------------------------------------------------------------------------


class Offer(_Value, frozen=True):
    """The manifest of one executor; `body` is canonical JSON, `digest` its SHA-256 in hex."""

    name: str
    version: int
    digest: str
    body: bytes


class LoadProblem(_Value, frozen=True):
    """A plugin that could not be loaded, and why."""

    plugin: str
    error: str


class Registration(_Value, frozen=True):
    """Who the node is. `old_is_dead`: nothing of an earlier incarnation of this uid is left on the machine."""

    name: str
    node_uid: str
    counter: int
    incarnation: str
    boot_id: str
    pid_namespace: str
    boot_counter: int
    old_is_dead: bool
    attributes: Mapping[str, str]
    capacity: int
    max_starting: int
    version: str
    python: str
    feature_level: int = 1  # the highest that it can follow
    machine: str = ""  # over its boots; empty: unknown


class LocalRun(_Value, frozen=True):
    """One run the node knows of; `state` is starting, running, stopping or ended."""

    task_id: str
    allocation_id: int
    state: str


class Heartbeat(_Value, frozen=True):
    """`runs` is None unless the leader has to be told the whole list.

    `effective_capacity`: what it takes for now, 0 for all of it; `overload` says why, and stays a while after.
    """

    sequence: int
    accepted_sequence: int
    lease_ms: int
    runs_digest: int
    runs: tuple[LocalRun, ...] | None = None
    effective_capacity: int = 0
    overload: str = ""


class RunEnd(_Value, frozen=True):
    """How a run ended. `error` is a JSON object (type, message, traceback), `logs` are JSON lines.

    `reported` is what the code itself did (succeeded, warning, failed), whatever it had been asked for (PT-16).
    """

    outcome: str
    reason: str = ""
    result: bytes | None = None
    error: bytes = b""
    permanent: bool = False
    retry_in_ms: int | None = None
    lasted_ms: int = 0
    handed_back: bool = False
    worker_died: bool = False
    reported: str = ""
    again_in_ms: int | None = None  # the run asks to run once more then
    schedule: bytes | None = None  # JSON, as in a task file: the run asks for this one from now on
    then: str = ""  # pause, end; empty: as ever
    overload: bool = False  # said by the run, for its node alone


class RunState(_Value, frozen=True):
    """Write number `seq` of a run's state; `data` None clears it."""

    seq: int
    data: bytes | None
    version: int


class NewChild(_Value, frozen=True):
    """A task that a run starts under its own; `seq` is the run's own number of it. `params` and `spec` are JSON."""

    seq: int
    key: str
    executor: str
    params: bytes
    spec: bytes


class NewPoke(_Value, frozen=True):
    """A run asks for another look at the tasks of an executor that have no node; `seq` as in NewChild."""

    seq: int
    executor: str


class Report(_Value, frozen=True):
    """Start (all else None or empty), state write, end (then `state` is the final one, if any), or that it is `stopping`.

    `stopping` says why the node itself asked the run to end: timeout. `started_at` is the node's steady clock when user code began, None if it never did.
    """

    number: int
    task_id: str
    allocation_id: int
    state: RunState | None = None
    ended: RunEnd | None = None
    started_at: int | None = None
    stopping: str = ""
    child: NewChild | None = None
    poke: NewPoke | None = None


class CallAnswer(_Value, frozen=True):
    """The answer to a `RunCall`: JSON, or a reason why there is none."""

    call: int
    payload: bytes = b""
    reason: str = ""
    detail: str = ""


class Progress(_Value, frozen=True):
    """Live only: may be thinned out."""

    task_id: str
    allocation_id: int
    done: float
    total: float | None
    message: str


class LogLine(_Value, frozen=True):
    """Live only: the lines that stay travel with the end of the run. `fields` is a JSON object."""

    task_id: str
    allocation_id: int
    at: int
    level: str
    event: str
    fields: bytes


def run_digest(task_id: str, allocation_id: int) -> int:
    """64 bits of one run: the first eight bytes, little endian, of BLAKE2b-64 over `<task id>#<allocation id>`."""
    name = f"{task_id}#{allocation_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")


def runs_digest(runs: Iterable[tuple[str, int]]) -> int:
    """The digest of many runs: all of theirs combined by exclusive or, so that order does not matter; 0 for none."""
    digest = 0
    for task_id, allocation_id in runs:
        digest ^= run_digest(task_id, allocation_id)
    return digest
