"""A function as an executor: which models its annotations name, and how it is called."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from executors.errors import definition_error
from executors.models import Nothing


@dataclass(frozen=True, slots=True)
class DecoratedFunction:
    """What `@executor` needs to make a class."""

    params: type[BaseModel]
    state: type[BaseModel]
    node_operation: Callable[..., object]


def inspect_function(function: Callable[..., object], *, isolation: str) -> DecoratedFunction:
    """Raises ExecutorDefinitionError, with the place of the function."""
    if not inspect.isfunction(function):
        raise definition_error(f"@executor goes on a function, not on {function!r}")
    where = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
    if isolation == "process" and "<locals>" in function.__qualname__:
        raise definition_error(
            f'{function.__qualname__} is nested and cannot be found by the process that isolation="process"'
            " starts; move it to the top of its module",
            where,
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise definition_error(f"{function.__name__} must not yield", where)
    names = tuple(inspect.signature(function).parameters)
    if len(names) not in (2, 3):
        raise definition_error(
            f"{function.__name__}({', '.join(names)}) takes (task, params) or (task, params, state)",
            where,
        )
    params = _model(function, names[1], where)
    state = (
        _model(function, names[2], where) if len(names) == 3 else _state_of_task(function, names[0])
    )
    return DecoratedFunction(params, state, _method(function, takes_state=len(names) == 3))


def _model(function: types.FunctionType, parameter: str, where: str) -> type[BaseModel]:
    text = function.__annotations__.get(parameter)
    if text is None:
        raise definition_error(
            f"{function.__name__}: annotate {parameter} with a pydantic model", where
        )
    try:
        hint = _resolve(function, parameter)
    except Exception as error:  # noqa: BLE001  (whatever an annotation raises is the author's to know)
        raise definition_error(
            f"{function.__name__}: the annotation of {parameter}, {text!r}, cannot be read: {error}",
            where,
        ) from None
    models = [one for one in (hint, *get_args(hint)) if _is_model(one)]
    if len(models) != 1:
        raise definition_error(
            f"{function.__name__}: {parameter} is annotated {text!r}, not with a pydantic model",
            where,
        )
    found: type[BaseModel] = models[0]
    return found


def _state_of_task(function: types.FunctionType, parameter: str) -> type[BaseModel]:
    """Without a `state` parameter the handle's annotation may still name the model that is written."""
    try:
        models = [one for one in get_args(_resolve(function, parameter)) if _is_model(one)]
    except Exception:  # noqa: BLE001  (an annotation for type checkers only is no mistake here)
        return Nothing
    found: type[BaseModel] = models[0] if models else Nothing
    return found


def _is_model(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)


def _resolve(function: types.FunctionType, parameter: str) -> Any:
    only = types.SimpleNamespace(__annotations__={parameter: function.__annotations__[parameter]})
    return get_type_hints(only, function.__globals__, dict(_surroundings(function)))[parameter]


def _surroundings(function: types.FunctionType) -> Mapping[str, object]:
    """The local names at the place of a nested function's definition; annotations may use them."""
    frame = sys._getframe()  # noqa: SLF001  (no other way to names that only annotations mention)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals is function.__globals__:
            return frame.f_locals
    return {}


def _method(function: Callable[..., Any], *, takes_state: bool) -> Callable[..., object]:
    """The function in the place of a node_operation."""
    if inspect.iscoroutinefunction(function):

        async def node_operation(_: object, task: object, params: object, state: object) -> object:
            return await (function(task, params, state) if takes_state else function(task, params))

        return node_operation

    def node_operation_in_thread(_: object, task: object, params: object, state: object) -> object:
        return function(task, params, state) if takes_state else function(task, params)

    return node_operation_in_thread
