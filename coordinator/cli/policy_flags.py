"""The flags of `taskctl start` that take the place of the executor's policy for one task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from coordinator.cli.flags import DURATION, DurationType
from coordinator.cli.overriding import override
from coordinator.cli.spec_words import ATTEMPTS, COST, PRIORITY

Command = TypeVar("Command", bound=Callable[..., Any])


class DurationOrNone(DurationType):
    """A duration, or `none`: 0 milliseconds."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds, or a usage error that says what is allowed."""
        return 0 if value == "none" else super().convert(value, param, ctx)

    @override
    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  (click's)
        """As the help shows it."""
        return "D|none"


_FLAGS: tuple[Callable[[Any], Any], ...] = (
    click.option("--priority", type=PRIORITY, help="1 to 100, low, long_running, normal."),
    click.option("--cost", type=COST, help="Units, tiny, normal, large, extra_large."),
    click.option("--run-timeout", type=DURATION, help="Limit of one run."),
    click.option("--max-attempts", type=ATTEMPTS, help="1 to 1000, or unlimited."),
    click.option("--on-lost", type=click.Choice(["rerun", "fail"]),
                 help="What becomes of it when a run is lost with its node."),
    click.option("--reset-after", type=DurationOrNone(),
                 help="A failure after so long a run counts as the first one again."),
    click.option("--within-occurrence/--no-within-occurrence", default=None,
                 help="With a schedule: failed runs are retried before the next fire time."),
    click.option("--invalid-state", type=click.Choice(["fail", "raw"]),
                 help="What becomes of a run whose state does not fit its executor any more."),
    click.option("--movable/--not-movable", default=None,
                 help="Whether a drain or a rebalance may move its run."),
)  # fmt: skip


def policy_flags(command: Command) -> Command:
    """All of them, for a command of click."""
    for option in reversed(_FLAGS):
        command = option(command)
    return command


def asked_policy(flags: dict[str, Any]) -> dict[str, Any]:
    """The fields of a new task; None for what the executor's policy says."""
    return {
        "priority": flags["priority"],
        "cost": flags["cost"],
        "timeout_ms": flags["run_timeout"],
        "max_attempts": flags["max_attempts"],
        "on_lost": flags["on_lost"],
        "reset_after_ms": flags["reset_after"],
        "within_occurrence": flags["within_occurrence"],
        "invalid_state": flags["invalid_state"],
        "movable": flags["movable"],
    }
