"""Priority, cost and attempts as words or numbers (TM sections 1 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from coordinator.cli.overriding import override


class WordOrNumber(click.ParamType[int]):
    """A number within bounds, or a word that stands for one."""

    def __init__(self, name: str, words: Mapping[str, int], least: int, most: int) -> None:
        self.name = name
        self._words, self._least, self._most = words, least, most

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error with the bounds."""
        if isinstance(value, int):
            return value
        if value in self._words:
            return self._words[value]
        if value.isdecimal() and self._least <= int(value) <= self._most:
            return int(value)
        words = ", ".join(self._words)
        return self.fail(
            f"{value} is not {self._least} to {self._most} or one of {words}", param, ctx
        )


PRIORITY = WordOrNumber("N", {"low": 1, "long_running": 40, "normal": 50}, 1, 100)
COSTS = {"tiny": 1, "normal": 2, "large": 4, "extra_large": 10}
COST_MAX = 1_000
COST = WordOrNumber("N", COSTS, 0, COST_MAX)
ATTEMPTS = WordOrNumber("N", {"unlimited": 0}, 1, 1000)
