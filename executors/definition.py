"""What the SDK finds out about an executor when its class is made, and the mistakes it refuses then.

A definition is all that registry, manifest, worker and leader need to know; none of them looks at the class again.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel

from executors.declared import DeclaredTask, checked_declarations
from executors.errors import definition_error
from executors.models import Shape
from executors.policy import TaskPolicy

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
NAME_LENGTH_MAX = 100

# hook -> (parameters after self, may be a coroutine function, must be one)
HOOKS: dict[str, tuple[tuple[str, ...], bool, bool]] = {
    "validate": (("params", "cluster"), False, False),
    "get_assignment": (("params", "candidates", "cluster"), False, False),
    "describe": (("params",), False, False),
    "node_operation": (("task", "params", "state"), True, False),
    "on_stop": (("task", "reason"), True, True),
    "on_call": (("task", "call"), True, True),
    "upgrade_params": (("old", "version"), False, False),
    "upgrade_state": (("old", "version"), False, False),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One executor as it was defined. `make()` gives a fresh instance, one per run. `location`: FILE:LINE."""

    name: str
    version: int
    policy: TaskPolicy
    params: Shape[BaseModel]
    state: Shape[BaseModel]
    old_params: dict[int, Shape[BaseModel]]
    old_states: dict[int, Shape[BaseModel]]
    make: Callable[[], Any]
    doc: str
    location: str
    runs_in_thread: bool
    own_hooks: frozenset[str]
    declares: tuple[DeclaredTask, ...] = ()

    @property
    def title(self) -> str:
        """First line of the docstring."""
        return self.doc.partition("\n")[0].strip()


def define(cls: type[Any], base: type[Any], location: str) -> Definition:
    """Everything about `cls`. Raises ExecutorDefinitionError with file and line."""
    name, version, policy = _name(cls, location), _version(cls, location), _policy(cls, location)
    params, state = _models(cls, base, location)
    own_hooks = frozenset(hook for hook in HOOKS if getattr(cls, hook) is not getattr(base, hook))
    _check_making(cls, location)
    if "node_operation" not in own_hooks:
        raise definition_error(f"{cls.__name__} has no node_operation", location)
    for hook in sorted(own_hooks):
        _check_hook(cls, hook, location)
    shape = shape_of(params, "params", location)
    return Definition(
        name=name,
        version=version,
        policy=policy,
        params=shape,
        state=shape_of(state, "state", location),
        old_params=_old_models(cls, "old_params", location),
        old_states=_old_models(cls, "old_states", location),
        make=cls,
        doc=inspect.cleandoc(cls.__dict__.get("__doc__") or ""),
        location=location,
        runs_in_thread=not inspect.iscoroutinefunction(cls.node_operation),
        own_hooks=own_hooks,
        declares=checked_declarations(cls.declares, shape, location),
    )


def shape_of(model: object, role: str, location: str) -> Shape[BaseModel]:
    """The shape of a model, or ExecutorDefinitionError saying which of the two it is."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise definition_error(f"the {role} model is {model!r}, not a pydantic model", location)
    try:
        return Shape(model)
    except ValueError as error:
        raise definition_error(f"the {role} model: {error}", location) from None


def is_unfinished(cls: type[Any], base: type[Any]) -> bool:
    """Whether a class is only a base for others: generic in a model still, or an ABC."""
    if any(parent.__module__ == "abc" and parent.__name__ == "ABC" for parent in cls.__bases__):
        return True
    return any(isinstance(one, TypeVar) for one in _model_arguments(cls, base) or ())


def _name(cls: type[Any], location: str) -> str:
    name = cls.__dict__.get("name")
    if name is None:
        raise definition_error(f"{cls.__name__} has no name", location)
    fits = isinstance(name, str) and NAME.fullmatch(name) and len(name) <= NAME_LENGTH_MAX
    if not fits:
        rule = "lower case letters, digits and _, in parts joined by dots, at most 100 characters"
        raise definition_error(f"{cls.__name__}: name is {name!r}; use {rule}", location)
    return cast("str", name)


def _version(cls: type[Any], location: str) -> int:
    version = cls.version
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise definition_error(f"{cls.__name__}: version is {version!r}, use 1, 2, ...", location)
    return version


def _policy(cls: type[Any], location: str) -> TaskPolicy:
    if not isinstance(cls.policy, TaskPolicy):
        raise definition_error(
            f"{cls.__name__}: policy is {cls.policy!r}, give a TaskPolicy", location
        )
    return cls.policy


def _models(cls: type[Any], base: type[Any], location: str) -> tuple[object, object]:
    found = _model_arguments(cls, base)
    if found is None or len(found) != 2:
        raise definition_error(
            f"{cls.__name__} names no models; write"
            f" class {cls.__name__}({base.__name__}[ParamsModel, StateModel])",
            location,
        )
    return found[0], found[1]


def _model_arguments(cls: type[Any], base: type[Any]) -> tuple[object, ...] | None:
    """The two arguments of the base, wherever among the ancestors they were given."""
    for generic in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(generic)
        if not (isinstance(origin, type) and issubclass(origin, base)):
            continue
        arguments = get_args(generic)
        return arguments if origin is base else _substituted(origin, base, arguments)
    for parent in cls.__bases__:
        if parent is not base and issubclass(parent, base):
            return _model_arguments(parent, base)
    return None


def _substituted(
    origin: type[Any], base: type[Any], arguments: tuple[object, ...]
) -> tuple[object, ...] | None:
    inherited = _model_arguments(origin, base)
    if inherited is None:
        return None
    by_variable = dict(zip(origin.__parameters__, arguments, strict=False))
    return tuple(
        by_variable.get(one, one) if isinstance(one, TypeVar) else one for one in inherited
    )


def _old_models(cls: type[Any], attribute: str, location: str) -> dict[int, Shape[BaseModel]]:
    old = getattr(cls, attribute)
    return {
        version: shape_of(model, f"{attribute}[{version}]", location)
        for version, model in sorted(old.items())
    }


def _check_making(cls: type[Any], location: str) -> None:
    if cls.__init__ is object.__init__:
        return
    try:
        inspect.signature(cls.__init__).bind(None)
    except TypeError as error:
        told = f"{cls.__name__}() is how it is made for each run, but: {error}"
        raise definition_error(told, location) from None


def _check_hook(cls: type[Any], hook: str, location: str) -> None:
    parameters, may_be_async, must_be_async = HOOKS[hook]
    function = inspect.getattr_static(cls, hook)
    if not inspect.isfunction(function):
        raise definition_error(f"{cls.__name__}.{hook} is no plain method", location)
    where = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
    shown = f"{cls.__name__}.{hook}({', '.join(('self', *parameters))})"
    is_async = inspect.iscoroutinefunction(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise definition_error(f"{shown} must not yield", where)
    if is_async and not may_be_async:
        raise definition_error(f"{shown} must be a plain def, not async", where)
    if must_be_async and not is_async:
        raise definition_error(f"{shown} must be async def", where)
    try:
        inspect.signature(function).bind(None, *parameters)
    except TypeError as error:
        raise definition_error(f"{shown} is how it is called, but: {error}", where) from None
