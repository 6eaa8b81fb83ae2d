"""What a row is, and all of them in the order in which they are printed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

MODULES = ("unshimmed", "one_process", "three_processes", "reading")


class Seen(NamedTuple):
    """What came out: in words, and whether it is what the README claims."""

    text: str
    holds: bool


class Trial(NamedTuple):
    """What a row gets: an empty directory, and the number of rounds for what is a matter of chance."""

    work: Path
    rounds: int


@dataclass(frozen=True, slots=True)
class Row:
    """One claim, and how to show it."""

    name: str
    done: str
    show: Callable[[Trial], Coroutine[Any, Any, Seen]]


def rows_of(module: str) -> tuple[Row, ...]:
    """The rows of one module of this package. Imported by name: `unshimmed` must not meet the shims of the others."""
    rows: tuple[Row, ...] = importlib.import_module(f"{__package__}.{module}").ROWS
    return rows
