"""Any exception as a failure with three lines. Loaded only when something went wrong."""

from __future__ import annotations

import sys

import click

from coordinator.cli import exits
from coordinator.cli.failures import Census, Failure, describe, usage
from coordinator.cli.flags import Given
from coordinator.cli.hints import verb_of
from coordinator.client.errors import ClientError, Unavailable

CENSUS_S = 0.5
"""How long members are given to say that they are there, when an error has to name them."""


def failure_of(error: Exception, given: Given) -> Failure:
    """The words for whatever a command raised."""
    if int(given.get("verbose") or 0) >= 2:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    match error:
        case Failure():
            return _with_hint(error, given)
        case ClientError():
            session = given.session
            doing, addresses = ("taskctl", ()) if session is None else session.about
            return of_client_error(error, doing, addresses)
        case click.ClickException():
            return _of_usage(error)
        case UnicodeEncodeError(encoding="utf-8"):  # an argument of other bytes
            return _with_hint(usage(f"{error.object!a} is not UTF-8: write it in UTF-8"), given)
        case OSError():
            return Failure(f"{error.filename or 'system'}: {error.strerror or error}")
        case _:
            return Failure(
                f"{type(error).__name__}: {error}",
                why="this is a bug in taskctl",
                hint="repeat it with -vv and report what it prints",
                reason="internal",
            )


def _with_hint(failure: Failure, given: Given) -> Failure:
    """Wrong usage that says nothing else to try: the help of the command (EX-8)."""
    if failure.exit_code == exits.USAGE and not failure.hint:
        verb = "" if given.session is None else verb_of(given.session.about[0])
        failure.hint = " ".join(("taskctl", *verb.split(), "--help"))
    return failure


def _of_usage(error: click.ClickException) -> Failure:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message().rstrip(".")
    words = message[:1].lower() + message[1:]
    if ctx is None:
        return usage(words)
    return usage(
        words,
        why=ctx.get_usage().replace("Usage:", "usage:").replace("\n", " "),
        hint=f"{ctx.command_path} --help",
    )


def of_client_error(error: ClientError, doing: str, addresses: tuple[str, ...]) -> Failure:
    """The failure for an error of the client; who is there is found out when nobody led."""
    census = None
    if isinstance(error, Unavailable):
        import asyncio

        census = asyncio.run(take_census(addresses or (error.member,)))
    return describe(error, doing, census)


async def take_census(addresses: tuple[str, ...]) -> Census:
    """Ask each member by itself whether it is there; those who answer name the others."""
    from coordinator.client.client import Client
    from coordinator.client.cluster_picture import ask_everybody, put_together

    async with Client(addresses) as client:
        said = await ask_everybody(client, timeout_s=CENSUS_S)
    members = put_together(said).members
    names = tuple(member.name for member in members if member.reachable)
    silent = max((one.status.answer.age_ms for one in said.values() if one.status), default=0)
    return Census(names, len(members), silent)
