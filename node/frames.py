"""What an agent and its worker say to each other.

One socket pair carries both directions. A frame is four bytes of length (big endian) and one message in MessagePack;
every message is a tagged struct below, so a frame that means nothing here is an error and never a guess. Writers put
many frames into one write, readers take many out of one read: see `frame_buffer`.

Runs are named by their allocation id alone: the cluster never issues one twice. All durations are int milliseconds,
all instants int milliseconds since 1970.

Order of a run's life on this pipe: `Start`, then `Started` (user code is about to be entered) or at once `Ended`;
then any number of `State`, `Progress`, `Log`; after a `Stop`, or when the run's own time is over, `Stopping`;
at last exactly one `Ended`, after which the worker sends nothing more about the run. A `State` is answered by
`StateAck` or `StateRefused`; an answer for number n holds for the lower numbers of that run as well. A run may end
before its last `State` is answered: `State` and `Ended` arrive in that order, and the agent's outbox keeps it.

The worker enforces the co-operative part of a stop. Killing is the agent's business: when `cancel_grace_ms` after a
`Stop` (or after `Stopping` with reason `timeout`) no `Ended` has come, the run ignores its stop.
"""

from __future__ import annotations

import msgspec

RESULT_BYTES_MAX = 64 * 1024
ERROR_BYTES_MAX = 16 * 1024
STATE_BYTES_MAX = 1024 * 1024
LOG_LINE_BYTES_MAX = 8 * 1024


class _Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all messages. Fields are only appended."""


# --- agent -> worker -------------------------------------------------------------------------------------------------


class Start(_Frame, frozen=True, array_like=True, tag=1):
    """Run this. Everything a run ever learns about itself is in here, exactly as the record holds it.

    `params` and `state` are JSON. `attempt` counts from 1. `timeout_ms` counts from here; None: no limit.
    `own_process`: the worker belongs to this run alone (it then has PTASKS_FENCING_TOKEN in its environment).
    `invalid_state`: fail, raw; empty: as the executor declares.
    """

    task_id: str
    allocation_id: int
    executor: str
    params: bytes
    params_version: int = 1
    state: bytes | None = None
    state_version: int = 1
    state_is_current: bool = False
    incarnation: str = ""
    attempt: int = 1
    max_attempts: int | None = None
    timeout_ms: int | None = None
    cancel_grace_ms: int = 10_000
    headers: dict[str, str] = {}
    labels: dict[str, str] = {}
    due_at: int | None = None
    parent_id: str | None = None
    own_process: bool = False
    invalid_state: str = ""


class Stop(_Frame, frozen=True, array_like=True, tag=2):
    """Ask the run to end. A repetition may bring a stronger reason; `on_stop` is called once all the same.

    `reason` is a value of `executors.StopReason`: cancel, timeout, pause, replace, move, shutdown, lease, fenced,
    not_wanted. `grace_ms` None: the run's own `cancel_grace_ms`.
    """

    allocation_id: int
    reason: str
    grace_ms: int | None = None


class StateAck(_Frame, frozen=True, array_like=True, tag=3):
    """State write number `seq` is durable, and so is every lower one (or a later one has replaced it)."""

    allocation_id: int
    seq: int
    revision: int


class StateRefused(_Frame, frozen=True, array_like=True, tag=4):
    """State write number `seq` will never be durable.

    `reason`: fenced (the run is superseded: its code gets Fenced), ended (RunEnded), anything else is an error of that
    write alone (too_large, ...).
    """

    allocation_id: int
    seq: int
    reason: str
    detail: str = ""


class ChildAnswer(_Frame, frozen=True, array_like=True, tag=8):
    """The answer to `Child` or `Poke` number `seq`: the task is there (`created`: now only), or `reason` says why not.

    `reason`: fenced (the run is superseded), parent_ended (its task is to end), anything else is that one's alone.
    `task_id` is empty where a poke is answered.
    """

    allocation_id: int
    seq: int
    task_id: str
    created: bool = False
    reason: str = ""
    detail: str = ""


class Call(_Frame, frozen=True, array_like=True, tag=10):
    """Somebody asks a run. Answered by one `CallDone` of the same number; `payload` is JSON."""

    allocation_id: int
    call: int
    method: str
    payload: bytes
    timeout_ms: int
    headers: dict[str, str] = {}


class Ping(_Frame, frozen=True, array_like=True, tag=5):
    """Answered by Pong, also while user code blocks the worker's event loop (then within half a second)."""

    token: int


class Shutdown(_Frame, frozen=True, array_like=True, tag=6):
    """Exit now, with everything written that is waiting to be written. Runs are not asked: stop them first."""


# --- worker -> agent -------------------------------------------------------------------------------------------------


class Offer(_Frame, frozen=True, array_like=True):
    """The manifest of one executor: `body` is canonical JSON (see executors.manifests), `digest` its SHA-256 in hex."""

    name: str
    version: int
    digest: str
    body: bytes


class LoadError(_Frame, frozen=True, array_like=True):
    """A plugin that could not be imported or defined: where it was named, what went wrong (first line is a summary).

    `hung`: the import had to be interrupted.
    """

    source: str
    message: str
    hung: bool = False


class Ready(_Frame, frozen=True, array_like=True, tag=20):
    """First frame of a worker but for `Loading`: what it offers. `fatal` not empty: it offers nothing and exits; the node must not start.

    Fatal is a name offered twice; the text names both places.
    """

    pid: int
    offers: tuple[Offer, ...] = ()
    load_errors: tuple[LoadError, ...] = ()
    fatal: str = ""


class Started(_Frame, frozen=True, array_like=True, tag=21):
    """User code of the run is entered with the next instruction.

    That of a coroutine in a shared worker may travel with the frames that follow; any other arrives even if the code
    never lets go of the interpreter.
    """

    allocation_id: int


class State(_Frame, frozen=True, array_like=True, tag=22):
    """Make this durable. `data` is JSON, None clears the state. `seq` counts from 1 within the run."""

    allocation_id: int
    seq: int
    data: bytes | None
    state_version: int


class Progress(_Frame, frozen=True, array_like=True, tag=23):
    """Live only; at most ten a second of a run, the last one always."""

    allocation_id: int
    done: float
    total: float | None
    message: str


class Log(_Frame, frozen=True, array_like=True, tag=24):
    """One line. `level` is debug, info, warning or error; `fields` a JSON object, secrets already masked.

    Lines may be missing when the pipe was full; the exact counts are in `Ended`.
    """

    allocation_id: int
    level: str
    event: str
    fields: bytes
    at: int


class Stopping(_Frame, frozen=True, array_like=True, tag=25):
    """The run was told to end. Sent for every reason; for `timeout` the agent learns of it here first."""

    allocation_id: int
    reason: str
    grace_ms: int


class Child(_Frame, frozen=True, array_like=True, tag=30):
    """Start a task under this run's. `seq` counts from 1 within the run; `params` and `spec` are JSON."""

    allocation_id: int
    seq: int
    key: str
    executor: str
    params: bytes
    spec: bytes


class Poke(_Frame, frozen=True, array_like=True, tag=31):
    """Have the leader look again at tasks of this executor that have no node. `seq` counts with those of `Child`."""

    allocation_id: int
    seq: int
    executor: str


class CallDone(_Frame, frozen=True, array_like=True, tag=32):
    """What the run's code answered, as JSON.

    `reason` not empty: why it did not: not_assigned (its code has not begun), not_here (it has ended), not_supported (no
    on_call), validation_failed, call_failed (it raised), too_large, timed_out.
    """

    allocation_id: int
    call: int
    payload: bytes = b""
    reason: str = ""
    detail: str = ""


class RunError(_Frame, frozen=True, array_like=True):
    """What was raised, 16 KiB in all: class name, text, traceback (its end, if it was too long)."""

    type: str
    message: str
    traceback: str


class LogCounts(_Frame, frozen=True, array_like=True):
    """How many lines the run wrote per level, those included that never reached the agent."""

    debug: int = 0
    info: int = 0
    warning: int = 0
    error: int = 0


class Ended(_Frame, frozen=True, array_like=True, tag=26):
    """User code of the run is over; its slot is free.

    `outcome`: succeeded, warning, failed, timed_out, cancelled, aborted. `reported` is what the code itself did
    (succeeded, warning, failed, or aborted when it was interrupted): after a stop with reason cancel or timeout the
    outcome is cancelled or timed_out whatever the code did.

    `reason` is a word where the outcome alone does not say it: start_failed, invalid_state, self_reported, permanent,
    unawaited, result_dropped, fenced, no_executor, a stop reason, or the text given to abort_locally.

    `result` is JSON (null counts as a result). `permanent`: a one-off task is not tried again (reason tells why; only
    reason `permanent` ends a series as well). `retry_in_ms` / `retry_at`: what a RetryableError asked for. `overload`:
    the run said that its node or what it talks to is overloaded.

    `again_at` (ms since 1970), `schedule` (a JSON object) and `then` (pause, end): what a RunResult asked for.
    """

    allocation_id: int
    outcome: str
    reason: str = ""
    result: bytes | None = None
    error: RunError | None = None
    retry_in_ms: int | None = None
    retry_at: int | None = None
    permanent: bool = False
    overload: bool = False
    reported: str = ""
    log_counts: LogCounts = LogCounts()
    again_at: int | None = None
    schedule: bytes | None = None
    then: str = ""


class LoopLag(_Frame, frozen=True, array_like=True, tag=27):
    """User code blocks the worker's event loop, for `lag_ms` so far (`over`: it has ended and took that long).

    Sent at 250 ms, when a warning is due, at 5 s and when it is over. `blocking` is the allocation id of the run seen doing it, None if
    unknown; `running` names the executors with a run in this worker.
    """

    lag_ms: int
    blocking: int | None
    running: tuple[str, ...]
    over: bool = False


class Pong(_Frame, frozen=True, array_like=True, tag=28):
    """Answer to Ping. `runs`: how many runs have not ended here."""

    token: int
    runs: int


class Loading(_Frame, frozen=True, array_like=True, tag=29):
    """Before `Ready`: the import of this plugin begins. `source` as in LoadError."""

    source: str


ToWorker = Start | Stop | StateAck | StateRefused | ChildAnswer | Call | Ping | Shutdown
ToAgent = (
    Ready
    | Started
    | State
    | Child
    | Poke
    | CallDone
    | Progress
    | Log
    | Stopping
    | Ended
    | LoopLag
    | Pong
    | Loading
)
