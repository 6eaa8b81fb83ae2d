"""Mistakes show when the class is made, with file and line."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    ExecutorDefinitionError,
    PersistentTasksExecutor,
    TaskPolicy,
    executor,
)

P = TypeVar("P", bound=BaseModel)


class Params(BaseModel):
    a: int = 0


class State(BaseModel):
    b: int = 0


class Wild(BaseModel):
    model_config = ConfigDict(extra="allow")


class NoSchema(BaseModel):
    call: Callable[[], int]


async def operation(self: Any, task: Any, params: Any, state: Any) -> None: ...


def make(base: Any = PersistentTasksExecutor[Params, State], **body: Any) -> Any:
    """A class statement in the form of a call; `node_operation` and `name` are there unless given."""
    return type(
        "Made",
        (base,) if isinstance(base, type) else base.__mro_entries__((base,)),
        {
            "name": "t.made",
            "node_operation": operation,
            "__orig_bases__": (base,),
            "__module__": __name__,
            **body,
        },
    )


def told(**body: Any) -> str:
    with pytest.raises(ExecutorDefinitionError) as caught:
        make(**body)
    return str(caught.value)


def test_a_good_one() -> None:
    definition = make(__doc__="Copies.\n\nAll of it.").definition
    assert (definition.name, definition.version, definition.title) == ("t.made", 1, "Copies.")
    assert definition.runs_in_thread is False
    assert definition.own_hooks == frozenset({"node_operation"})
    assert (definition.params.model, definition.state.model) == (Params, State)


@pytest.mark.parametrize("name", ["", "Upper", "1a", "a-b", "a..b", "a.", ".a", "a" * 101, 5])
def test_bad_name(name: object) -> None:
    assert f"name is {name!r}" in told(name=name)


def test_no_name() -> None:
    with pytest.raises(ExecutorDefinitionError, match="Unnamed has no name") as caught:

        class Unnamed(PersistentTasksExecutor[Params, State]):
            @override
            async def node_operation(self, task: Any, params: Any, state: Any) -> None: ...

    line = inspect.currentframe()
    assert line is not None
    assert str(caught.value).startswith(f"{__file__}:")
    number = int(str(caught.value).split(":")[1])
    assert 0 < line.f_lineno - number < 12


def test_no_models() -> None:
    assert "names no models" in told(base=PersistentTasksExecutor, __orig_bases__=())
    assert "the params model is <class 'int'>" in told(base=PersistentTasksExecutor[int, State])  # type: ignore[type-var]


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, True])
def test_bad_version(version: object) -> None:
    assert f"version is {version!r}" in told(version=version)


def test_bad_policy() -> None:
    assert "policy is {}" in told(policy={})


def test_no_operation() -> None:
    with pytest.raises(ExecutorDefinitionError, match="has no node_operation"):

        class Idle(PersistentTasksExecutor[Params, State]):
            name = "t.idle"


async def asynchronous(self: Any, *arguments: Any) -> Any: ...


def synchronous(self: Any, *arguments: Any) -> Any: ...


def generator(self: Any, task: Any, params: Any, state: Any) -> Any:
    yield 1


async def async_generator(self: Any, task: Any, params: Any, state: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    "hook", ["validate", "get_assignment", "describe", "upgrade_params", "upgrade_state"]
)
def test_hooks_of_the_leader_are_not_async(hook: str) -> None:
    text = told(**{hook: asynchronous})
    assert "must be a plain def, not async" in text
    assert text.startswith(f"{__file__}:{asynchronous.__code__.co_firstlineno}:")


def test_on_stop_is_async() -> None:
    assert "must be async def" in told(on_stop=synchronous)


@pytest.mark.parametrize("function", [generator, async_generator])
def test_an_operation_does_not_yield(function: object) -> None:
    assert "must not yield" in told(node_operation=function)


@pytest.mark.parametrize(
    "hook,function",
    [
        ("validate", lambda self, params: None),
        ("node_operation", lambda self, task, params: None),
        ("node_operation", lambda self, task, params, state, more: None),
        ("describe", lambda: None),
    ],
)
def test_wrong_parameters_are_shown_beside_the_right_ones(hook: str, function: object) -> None:
    text = told(**{hook: function})
    assert f"Made.{hook}(self" in text
    assert "is how it is called, but:" in text


def test_a_static_hook_is_no_plain_method() -> None:
    assert "validate is no plain method" in told(validate=staticmethod(lambda p, c: None))


def test_a_model_without_schema() -> None:
    assert "the params model: NoSchema" in told(base=PersistentTasksExecutor[NoSchema, State])


def test_a_model_that_invites_unknown_keys() -> None:
    text = told(base=PersistentTasksExecutor[Params, Wild])
    assert 'the state model: Wild is declared with extra="allow"' in text


def test_bases_are_not_offered() -> None:
    class Common(PersistentTasksExecutor[Params, State], ABC):
        """Shared by others."""

    class Half(PersistentTasksExecutor[P, State], Generic[P]):
        @override
        async def node_operation(self, task: Any, params: Any, state: Any) -> None: ...

    class Whole(Half[Params]):
        name = "t.whole"

    class One(Common):
        name = "t.one"

        @override
        def node_operation(self, task: Any, params: Any, state: Any) -> None: ...

    assert "definition" not in vars(Common)
    assert "definition" not in vars(Half)
    assert (Whole.definition.params.model, Whole.definition.state.model) == (Params, State)
    assert One.definition.runs_in_thread is True


# --- the decorator -----------------------------------------------------------------------------------------------


def test_decorated_function_of_three() -> None:
    @executor("t.three", version=2, policy=TaskPolicy(cost=4))
    async def three(
        task: AllocatedPersistentTask[State], params: Params, state: State | None
    ) -> object:
        """Counts."""
        return None

    definition = three.definition
    assert (definition.name, definition.version, definition.policy.cost) == ("t.three", 2, 4)
    assert (definition.params.model, definition.state.model) == (Params, State)
    assert definition.title == "Counts."
    assert definition.location.startswith(f"{__file__}:")


def test_decorated_function_of_two_takes_the_state_from_the_handle() -> None:
    @executor("t.two")
    def two(task: AllocatedPersistentTask[State], params: Params) -> object:
        return None

    assert two.definition.state.model is State
    assert two.definition.runs_in_thread is True


def test_annotations_may_name_what_is_local() -> None:
    class Local(BaseModel):
        c: int

    @executor("t.local")
    async def local(task: AllocatedPersistentTask[State], params: Local) -> object:
        return None

    assert local.definition.params.model is Local


def decorate(function: Any, **options: Any) -> str:
    with pytest.raises(ExecutorDefinitionError) as caught:
        executor("t.bad", **options)(function)
    return str(caught.value)


async def unannotated(task: Any, params: Any) -> None: ...


async def one_parameter(task: Any) -> None: ...


async def bare(task, params): ...  # type: ignore[no-untyped-def]


async def unknown(task: Any, params: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_bad_functions_are_refused_with_their_place() -> None:
    assert "not with a pydantic model" in decorate(unannotated)
    assert "takes (task, params) or (task, params, state)" in decorate(one_parameter)
    assert "annotate params with a pydantic model" in decorate(bare)
    text = decorate(unknown)
    assert "'Missing', cannot be read" in text
    assert text.startswith(f"{__file__}:{unknown.__code__.co_firstlineno}:")
    assert "goes on a function" in decorate(Params)


def test_a_nested_function_cannot_have_its_own_process() -> None:
    async def nested(task: AllocatedPersistentTask[State], params: Params) -> None: ...

    assert "is nested" in decorate(nested, policy=TaskPolicy(isolation="process"))


def test_an_executor_is_made_without_arguments() -> None:
    def needs_more(self: Any, client: object) -> None: ...

    def has_default(self: Any, client: object = None) -> None: ...

    assert "Made() is how it is made for each run, but:" in told(__init__=needs_more)
    assert make(__init__=has_default).definition.name == "t.made"
