"""The flags of every command that changes something (EX-5), and what they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from coordinator.client.requests import ChangeOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def change_flags(command: Command) -> Command:
    """--request-id, --reason, --dry-run."""
    options = (
        click.option(
            "--request-id",
            default="",
            metavar="ID",
            help="Makes a repeat harmless.  [default: made anew, printed under -v]",
        ),
        click.option("--reason", default="", metavar="TEXT", help="Kept with the change."),
        click.option("--dry-run", is_flag=True, help="Have all checked, write nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def revision_flag(command: Command) -> Command:
    """--if-revision."""
    return click.option(
        "--if-revision",
        type=int,
        default=0,
        metavar="N",
        help="Only if the task still has this revision.",
    )(command)


def whole_flag(command: Command) -> Command:
    """--all-or-nothing, of a verb that may be about many tasks."""
    return click.option(
        "--all-or-nothing", is_flag=True, help="Change all of them, or none if one is refused."
    )(command)


def change_of(flags: dict[str, Any]) -> Callable[[], ChangeOptions]:
    """A maker of change options, one per object; a request id that was given goes to the first only.

    Takes its flags out of `flags`.
    """
    from coordinator.client.requests import ChangeOptions, new_request_id

    given = flags.pop("request_id")
    reason, dry_run = flags.pop("reason"), flags.pop("dry_run")
    if_revision = flags.pop("if_revision", 0)
    whole = flags.pop("all_or_nothing", False)
    made = 0

    def make() -> ChangeOptions:
        nonlocal made
        made += 1
        request_id = (
            given if given and made == 1 else f"{given}.{made}" if given else new_request_id()
        )
        return ChangeOptions(
            request_id=request_id,
            reason=reason,
            dry_run=dry_run,
            if_revision=if_revision,
            all_or_nothing=whole,
        )

    return make
