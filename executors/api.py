"""The base class of all executors, and the decorator that makes one of a function."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, overload

from pydantic import BaseModel
from typing_extensions import override

from executors.calls import Call
from executors.declared import DeclaredTask
from executors.decorated import inspect_function
from executors.definition import Definition, define, is_unfinished
from executors.errors import caller_location
from executors.handle import AllocatedPersistentTask
from executors.policy import TaskPolicy
from executors.views import Assignment, Candidate, ClusterView, StopReason

P = TypeVar("P", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


class PersistentTasksExecutor(Generic[P, S]):
    """Base of executors; `P` is the model of the params, `S` that of the state.

    Give `name` (unique in the cluster), raise `version` when params or state change shape, state your wishes in
    `policy`, and write `node_operation`. All else has a default. `old_params` and `old_states` may keep the models of
    earlier versions, so that each step of an upgrade is checked. `declares`: tasks that are always to be there.

    One instance is made per run: what you keep on `self` is this run's alone. A class that is only a base for others
    inherits from ABC as well.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    policy: ClassVar[TaskPolicy] = TaskPolicy()
    declares: ClassVar[Sequence[DeclaredTask]] = ()
    old_params: ClassVar[Mapping[int, type[BaseModel]]] = {}
    old_states: ClassVar[Mapping[int, type[BaseModel]]] = {}
    definition: ClassVar[Definition]

    @override
    def __init_subclass__(cls, **options: Any) -> None:
        """Checks the definition. Raises ExecutorDefinitionError with file and line."""
        super().__init_subclass__(**options)
        if not is_unfinished(cls, PersistentTasksExecutor):
            cls.definition = define(cls, PersistentTasksExecutor, caller_location())

    def validate(self, params: P, cluster: ClusterView) -> None:
        """On the leader, before anything is stored: raise ValidationError to refuse. Quick; no I/O, clock or dice."""

    def get_assignment(
        self, params: P, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        """On the leader: which candidate, or none and why. Called often, maybe without effect; depend on nothing else."""
        del params, cluster
        return Assignment.least_loaded(candidates)

    def describe(self, params: P) -> str:
        """One line for lists; empty: the cluster writes `id=<task id>`."""
        del params
        return ""

    def node_operation(
        self, task: AllocatedPersistentTask[S], params: P, state: S | None
    ) -> object:
        """On the node: the work. Returning is success and gives the result, raising is failure.

        `async def` runs in the event loop of a worker; a plain `def` runs in a thread and uses `task.blocking`.
        """
        raise NotImplementedError

    async def on_stop(self, task: AllocatedPersistentTask[S], reason: StopReason) -> None:
        """On the node, once, when the run is asked to end; has `cancel_grace` of time."""

    async def on_call(self, task: AllocatedPersistentTask[S], call: Call) -> object:
        """On the node, in the event loop, beside the code: somebody asks this run; return what is JSON, quickly.

        Nothing of it is kept, and a call may come twice. Raise ValidationError for what you do not take.
        """
        raise NotImplementedError

    def upgrade_params(self, old: dict[str, object], version: int) -> dict[str, object]:
        """Params of `version` in the shape of `version + 1`. Raise for a version you do not know."""
        del old
        raise LookupError(f"no step from version {version}")

    def upgrade_state(self, old: dict[str, object], version: int) -> dict[str, object]:
        """State of `version` in the shape of `version + 1`. Raise for a version you do not know."""
        del old
        raise LookupError(f"no step from version {version}")


class _Decorator(Protocol):
    @overload
    def __call__(
        self, function: Callable[[AllocatedPersistentTask[S], P, S | None], object], /
    ) -> type[PersistentTasksExecutor[P, S]]: ...

    @overload
    def __call__(
        self, function: Callable[[AllocatedPersistentTask[S], P], object], /
    ) -> type[PersistentTasksExecutor[P, S]]: ...


def executor(
    name: str,
    *,
    version: int = 1,
    policy: TaskPolicy | None = None,
    declares: Sequence[DeclaredTask] = (),
) -> _Decorator:
    """Make an executor of a function `(task, params)` or `(task, params, state)`, async or not.

    The models are read from the annotations. Raises ExecutorDefinitionError with file and line.
    """

    declared = TaskPolicy() if policy is None else policy

    def decorate(function: Callable[..., object], /) -> type[PersistentTasksExecutor[Any, Any]]:
        found = inspect_function(function, isolation=declared.isolation)
        body = {
            "name": name,
            "version": version,
            "policy": declared,
            "declares": declares,
            "node_operation": found.node_operation,
            "__doc__": function.__doc__,
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
        }
        base = PersistentTasksExecutor[found.params, found.state]  # type: ignore[name-defined]
        made = types.new_class(function.__name__, (base,), {}, lambda names: names.update(body))
        return cast("type[PersistentTasksExecutor[Any, Any]]", made)

    return decorate
