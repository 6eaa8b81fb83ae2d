"""What an executor sees of the cluster when it is asked for its opinion, and what it may answer.

All of it is frozen and complete in itself: `validate` and `get_assignment` run on the leader and must depend on
nothing but their arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class StopReason(StrEnum):
    """Why a run was asked to end. Found in `task.stop_reason`, never in the exception."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    PAUSE = "pause"
    REPLACE = "replace"
    MOVE = "move"
    SHUTDOWN = "shutdown"
    LEASE = "lease"
    FENCED = "fenced"
    NOT_WANTED = "not_wanted"


@dataclass(frozen=True)
class TaskRef:
    """A task by its id, as start_child returns it."""

    id: str
    created: bool = True


@dataclass(frozen=True)
class Candidate:
    """A node that could take the task now. Capacity, `used` and `free` in units (a normal task costs 2).

    `runs`: how many runs of each executor it has. `executor_version`: the version of this executor it offers.
    """

    name: str
    incarnation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    capacity: int = 0
    used: int = 0
    free: int = 0
    runs: Mapping[str, int] = field(default_factory=dict)
    executor_version: int = 1


@dataclass(frozen=True)
class NodeView:
    """A node of the cluster, eligible or not. `code` is empty for a candidate, else the objection to it."""

    name: str
    incarnation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    capacity: int = 0
    used: int = 0
    free: int = 0
    runs: Mapping[str, int] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True)
class TaskView:
    """A task as other tasks' executors may see it. `node` is None while it has none.

    `params_left_out`: `params` is empty because they do not fit (see ClusterView); labels are always there.
    """

    id: str
    executor: str
    params: Mapping[str, object]
    status: str
    node: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    params_left_out: bool = False


@dataclass(frozen=True)
class ClusterView:
    """The cluster at the instant `at` (int ms since 1970), this pass's decisions included.

    Its tasks are those of the executor that is asked, and bounded: the newest 5,000 that are not finished, and of their
    params the newest that take 4 MiB together. `tasks_left_out` says how many more there are. So decide by counts and
    labels; where params are needed, keep them small.
    """

    at: int = 0
    nodes: Sequence[NodeView] = ()
    _tasks: Sequence[TaskView] = ()
    tasks_left_out: int = 0

    def tasks(self, executor: str | None = None) -> tuple[TaskView, ...]:
        """The tasks that are not finished, in the order of their ids; with `executor`, those of one."""
        return tuple(one for one in self._tasks if executor is None or one.executor == executor)


@dataclass(frozen=True)
class Assignment:
    """An answer of `get_assignment`. Make it with `to`, `least_loaded` or `none`.

    `kind`: "node" (`nodes` holds the one), "least_loaded" (the cluster chooses among `nodes`), "none" (`code` says
    why not).
    """

    kind: str
    nodes: tuple[str, ...] = ()
    code: str = ""
    explanation: str = ""

    @classmethod
    def to(cls, node: Candidate | str, explanation: str = "") -> Assignment:
        """This candidate, for this reason."""
        name = node.name if isinstance(node, Candidate) else node
        return cls("node", (name,), "", explanation)

    @classmethod
    def least_loaded(cls, candidates: Sequence[Candidate]) -> Assignment:
        """Whichever of these has the smallest share of its capacity in use; the cluster's default."""
        if not candidates:
            return cls.none("executor_refused", "no candidate is left")
        return cls("least_loaded", tuple(candidate.name for candidate in candidates))

    @classmethod
    def none(cls, code: str, explanation: str) -> Assignment:
        """Nobody now. `code`: executor_refused, lazy (a node may be added for this) or awaiting_input."""
        if code not in NONE_CODES:
            raise ValueError(f"code is {code!r}, allowed are {', '.join(NONE_CODES)}")
        return cls("none", (), code, explanation)


NONE_CODES = ("executor_refused", "lazy", "awaiting_input")
