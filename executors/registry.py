"""Which executors this process has: the built-in ones, entry points of group `ptasks.executors`, `--executors`.

A plugin that cannot be imported or defined is a load error and takes no other with it; one that does not come back
from its import is interrupted. One name offered by two places stops the process, because nobody could say which of
the two runs. Nothing is ever imported because of a name that came over the wire.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from executors.api import PersistentTasksExecutor
from executors.definition import Definition
from executors.errors import DuplicateExecutorError, ExecutorDefinitionError
from executors.group_limits import GroupLimits
from executors.manifests import Manifest, manifest_of

GROUP = "ptasks.executors"
IMPORT_SECONDS_MAX = 20.0

BUILTIN = (
    "executors.builtin.noop:Noop",
    "executors.builtin.sleep:Sleep",
    "executors.builtin.ticker:Ticker",
    "executors.builtin.flaky:Flaky",
    "executors.builtin.digest:Digest",
    "executors.builtin.command:Run",
    "executors.builtin.http:Call",
)


@dataclass(frozen=True, slots=True)
class LoadProblem:
    """A plugin that did not load: where it was named, and what happened (the first line sums it up).

    `hung`: its import had to be interrupted; whoever tries again waits as long again.
    """

    source: str
    message: str
    hung: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the plugins named are imported, by their sources as in LoadProblem; built-in ones always are.

    `skip`: source -> why; it counts as a load error of that text. `only`: this one and no other ("": all).
    """

    skip: Mapping[str, str] = field(default_factory=dict)
    only: str = ""


EVERYTHING = Choice()


@dataclass(slots=True)
class Registry:
    """Executors by name, in the order in which they were found, and what could not be loaded."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    load_errors: list[LoadProblem] = field(default_factory=list)
    group_limits: GroupLimits = field(default_factory=GroupLimits)
    _sources: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Definition | None:
        """The executor of that name."""
        return self.definitions.get(name)

    def source_of(self, name: str) -> str:
        """The plugin that offers it, in the words of LoadProblem."""
        return self._sources[name]

    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests, in the order of their names."""
        return tuple(manifest_of(one) for _, one in sorted(self.definitions.items()))

    def add(self, definition: Definition, source: str) -> None:
        """Raises DuplicateExecutorError if another class has that name; the same class again is no second offer."""
        known = self.definitions.get(definition.name)
        if known is not None and known.make is not definition.make:
            raise DuplicateExecutorError(
                f"executor {definition.name} is offered twice: {known.location}"
                f" (from {self._sources[definition.name]}) and {definition.location} (from {source});"
                " leave one out or rename it"
            )
        self.definitions[definition.name] = definition
        self._sources.setdefault(definition.name, source)


def load(
    specs: Sequence[str] = (),
    *,
    builtin: bool = True,
    seconds_max: float = IMPORT_SECONDS_MAX,
    choice: Choice = EVERYTHING,
    on_import: Callable[[str], None] = lambda _source: None,
) -> Registry:
    """Everything this process offers. `specs`: values of `--executors`, `module[:Class]` or `path/file.py[:Class]`.

    Raises DuplicateExecutorError. Imports run in the calling thread; in the main thread each has `seconds_max`.
    `on_import` is told the source of each plugin before its import, for whoever watches from outside.
    """
    registry = Registry()
    if builtin:
        for spec in BUILTIN:
            _load_one(registry, spec, f"built-in {spec}", seconds_max)
    for spec, source in plugins(specs):
        if choice.only not in ("", source):
            continue
        if source in choice.skip:
            registry.load_errors.append(LoadProblem(source, choice.skip[source]))
            continue
        on_import(source)
        _load_one(registry, spec, source, seconds_max)
    return registry


def plugins(specs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is named here beside the built-in ones, in the order of loading: (spec, source as in LoadProblem)."""
    for point in sorted(importlib.metadata.entry_points(group=GROUP)):
        if point.value in BUILTIN:
            continue  # our own distribution names them, too
        yield point.value, f"entry point {point.name} = {point.value}"
    for spec in specs:
        yield spec, f"--executors {spec}"


def _load_one(registry: Registry, spec: str, source: str, seconds_max: float) -> None:
    try:
        with _deadline(seconds_max):
            found = list(_definitions(spec))
        if not found:
            raise ExecutorDefinitionError(f"{spec} defines no executor")
        registry.group_limits.add(found)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (foreign code at import: not even SystemExit may end this process)
        hung = isinstance(error, _ImportTookTooLong)
        registry.load_errors.append(LoadProblem(source, _told(error), hung))
        return
    for definition in found:
        registry.add(definition, source)


def _definitions(spec: str) -> Iterator[Definition]:
    module_name, _, attribute = spec.partition(":")
    module = _import(module_name)
    if not attribute:
        yield from _offered_by(module)
        return
    target = getattr(module, attribute, None)
    if target is None:
        raise ExecutorDefinitionError(f"{module_name} has no {attribute}")
    if not _is_executor(target):
        raise ExecutorDefinitionError(f"{spec} is {target!r}, not an executor")
    yield target.definition


def _import(name: str) -> ModuleType:
    """A module by name, or by path if that is how it looks. The working directory counts as a place to look."""
    if name.endswith(".py") or "/" in name:
        path = Path(name).resolve()
        if not path.is_file():
            raise ExecutorDefinitionError(f"there is no file {path}")
        _look_in(path.parent)
        _require_own_name(path)
        return importlib.import_module(path.stem)
    _look_in(Path.cwd())
    return importlib.import_module(name)


def _look_in(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.append(str(directory))


def _require_own_name(path: Path) -> None:
    """A process has one module of a name, and workers import by name: another file's would be taken for this one."""
    try:
        spec = importlib.util.find_spec(path.stem)
    except ValueError:  # a module without a spec, as __main__ may be
        found = path.stem
    else:
        if spec is None or (spec.has_location and _is_same_file(spec.origin, path)):
            return  # None: the import itself says best what is wrong
        found = spec.origin if spec.has_location and spec.origin else f"Python's own {path.stem}"
    raise ExecutorDefinitionError(
        f"{path}: module {path.stem} is {found} here; rename the file, so that it has a name of its own"
    )


def _is_same_file(origin: str | None, path: Path) -> bool:
    return origin is not None and Path(origin).exists() and path.samefile(origin)


def _offered_by(module: ModuleType) -> Iterator[Definition]:
    """The executors a module names and that were made in it, or in a module below it."""
    home = module.__name__
    for value in list(vars(module).values()):
        if _is_executor(value) and f"{value.__module__}.".startswith(f"{home}."):
            yield value.definition


def _is_executor(value: Any) -> bool:
    is_class = isinstance(value, type) and issubclass(value, PersistentTasksExecutor)
    return is_class and "definition" in vars(value)


def _told(error: BaseException) -> str:
    """One line that sums it up, then the traceback unless the error says its place itself."""
    if isinstance(error, (ExecutorDefinitionError, _ImportTookTooLong)):
        return str(error)
    lines = "".join(traceback.format_exception(error)).rstrip()
    return f"{type(error).__name__}: {error}\n{lines}"[:16_384]


class _ImportTookTooLong(BaseException):
    """Raised into an import that does not end; not an Exception, so that the import cannot swallow it easily."""


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Interrupts what runs inside. Where signals cannot be used (another thread) there is no deadline."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _ImportTookTooLong(f"the import did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
