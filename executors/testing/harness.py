"""The harness of one executor: start runs of it in this process, and ask its hooks what the leader would ask."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from executors.api import PersistentTasksExecutor
from executors.definition import Definition
from executors.durations import Span, span_ms
from executors.errors import ValidationError
from executors.leader_calls import call_assignment, call_validate
from executors.reading import read_params, read_state
from executors.testing.bench import Bench
from executors.testing.chaos import Chaos
from executors.testing.record import HarnessError, TaskRecord
from executors.testing.run import HarnessRun, state_json
from executors.views import Assignment, Candidate, ClusterView

M = TypeVar("M", bound=BaseModel)

Executor = PersistentTasksExecutor[Any, Any] | type[PersistentTasksExecutor[Any, Any]]


class Clock:
    """The virtual clock. It moves by itself when all code waits for it; `advance` moves it further."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the first run was started."""
        return self._bench.time.elapsed

    async def advance(self, span: Span) -> None:
        """So much time passes, and all that falls due in it happens."""
        for run in self._bench.runs:
            run.go_on()
        future = self._bench.loop.create_future()
        self._bench.loop.call_later(span_ms(span) / 1000, future.set_result, None)
        await future


class Harness:
    """Of one executor. Made by the fixture `executor_harness`; everything but `start` works without an event loop."""

    def __init__(self, executor: Executor, factory: HarnessFactory) -> None:
        self._factory = factory
        self.definition = definition_of(executor)
        self._started = 0

    @property
    def clock(self) -> Clock:
        """The clock of the runs under test."""
        return Clock(self._factory.bench)

    async def start(
        self,
        params: BaseModel | Mapping[str, object],
        *,
        state: BaseModel | None = None,
        attempt: int = 1,
        headers: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> HarnessRun:
        """A new task and its first run. `state`: what earlier runs would have left. Raises ValidationError."""
        self._started += 1
        record = TaskRecord(
            f"{self.definition.name}-{self._started}",
            self._params_json(params),
            self.definition.version,
            attempt=attempt,
            state=state_json(state, self.definition),
            state_version=self.definition.version,
            headers=headers or {},
            labels=labels or {},
        )
        return HarnessRun(self._factory.bench, record, self.definition, self._factory.chaos)

    def validate(
        self, params: BaseModel | Mapping[str, object], cluster: ClusterView | None = None
    ) -> None:
        """What the leader does before it stores params. Raises ValidationError, with the field, where it refuses."""
        answer = call_validate(
            self.definition, self._raw_json(params), self.definition.version, _plain(cluster)
        )
        if not answer["ok"]:
            raise ValidationError(answer["field"], answer["message"])

    def assign(
        self,
        params: BaseModel | Mapping[str, object],
        nodes: Sequence[Candidate | str],
        cluster: ClusterView | None = None,
    ) -> Assignment:
        """What `get_assignment` answers, checked as the leader checks it. Raises HarnessError where that refuses it."""
        candidates = [
            one if isinstance(one, Candidate) else Candidate(one, free=20) for one in nodes
        ]
        answer = call_assignment(
            self.definition,
            self._params_json(params),
            self.definition.version,
            [
                {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
                for one in candidates
            ],
            _plain(cluster),
        )
        if not answer["ok"]:
            raise HarnessError(f"{answer['code']}: {answer['message']}")
        match answer["kind"]:
            case "node":
                return Assignment.to(answer["node"], answer["explanation"])
            case "none":
                return Assignment.none(answer["code"], answer["explanation"])
            case _:
                return Assignment("least_loaded", tuple(answer["among"]))

    def roundtrip(self, model: M) -> M:
        """The model after its way through JSON, as params and state go. Raises ValidationError, TypeError."""
        shape = self.definition.state
        if isinstance(model, self.definition.params.model):
            shape = self.definition.params
        read = shape.check(shape.dump(model))
        if not isinstance(read, type(model)):
            raise HarnessError(f"{type(model).__name__} is neither the params nor the state here")
        return read

    def upgrade_params(self, from_version: int, fixture: Mapping[str, object]) -> Any:
        """Params stored by that version, as a run of today gets them. Raises UnreadableError."""
        made = self.definition.make()
        return read_params(self.definition, made, _json(fixture), from_version)

    def upgrade_state(self, from_version: int, fixture: Mapping[str, object]) -> Any:
        """State stored by that version, as a run of today gets it. Raises UnreadableError."""
        made = self.definition.make()
        return read_state(self.definition, made, _json(fixture), from_version)

    def _params_json(self, params: BaseModel | Mapping[str, object]) -> bytes:
        if isinstance(params, BaseModel):
            return self.definition.params.dump(params)
        data = _json(params)
        self.definition.params.check(data)
        return data

    def _raw_json(self, params: BaseModel | Mapping[str, object]) -> bytes:
        if isinstance(params, BaseModel):
            return params.model_dump_json(by_alias=True, round_trip=True).encode()
        return _json(params)


class HarnessFactory:
    """`executor_harness(MyExecutor)`: a harness. Give an instance to hand in doubles; each run gets a copy of it."""

    is_ptasks_fixture = True

    def __init__(self, chaos: Chaos | None = None, *, is_virtual: bool = True) -> None:
        """`chaos`: crashes that happen by themselves. `is_virtual` False: by the machine's clock."""
        self._is_virtual = is_virtual
        self.chaos = chaos
        self._bench: Bench | None = None

    def __call__(self, executor: Executor) -> Harness:
        """The harness of an executor class, or of an instance."""
        return Harness(executor, self)

    @property
    def bench(self) -> Bench:
        """The bench of the running event loop; its clock is virtual from the first use on."""
        if self._bench is None:
            self._bench = Bench.enter(is_virtual=self._is_virtual)
        return self._bench

    def close(self) -> None:
        """End what still runs and give the loop its own clock back."""
        if self._bench is not None:
            self._bench.leave()
            self._bench = None


def definition_of(executor: Executor) -> Definition:
    """Of a class, or of an instance: then each run gets a copy of it. Raises TypeError."""
    definition = getattr(executor, "definition", None)
    if not isinstance(definition, Definition):
        raise TypeError(f"{executor!r} is no executor")
    if isinstance(executor, type):
        return definition
    return dataclasses.replace(definition, make=lambda: copy.copy(executor))


def _plain(cluster: ClusterView | None) -> dict[str, Any]:
    if cluster is None:
        return {}
    nodes = [
        {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        for one in cluster.nodes
    ]
    return {
        "at": cluster.at,
        "nodes": nodes,
        "tasks": cluster.tasks(),
        "tasks_left_out": cluster.tasks_left_out,
    }


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(dict(value)).encode()
