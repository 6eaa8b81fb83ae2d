"""`taskctl version`: of this program and, with --server, of every coordinator. Without it, no grpc is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.lazy import Verb
from coordinator.cli.session import Session, session_of
from coordinator.cli.version_text import short_version
from coordinator.client.release import RELEASE

if TYPE_CHECKING:
    from coordinator.client.cluster_views import Member
    from coordinator.client.errors import ClientError


@click.command("version", cls=Verb)
@click.option("--server", is_flag=True, help="Ask every coordinator for its version, too.")
@click.pass_context
def version(ctx: click.Context, server: bool) -> int:
    """The version of this program; with --server of every coordinator."""
    session = session_of(ctx)
    servers = session.run(lambda: _servers(session)) if server else []
    python = ".".join(str(part) for part in sys.version_info[:3])
    view: dict[str, Any] = {"client": RELEASE, "python": python, "servers": servers}
    if session.out.is_json:
        session.out.single("Version", None, view, RELEASE, str)
        return 0
    session.out.write(short_version() if session.out.is_table else RELEASE)
    for row in servers:
        session.out.write(f"{row['name'] or row['address']}  {row['version'] or row['error']}")
    return 0


async def _servers(session: Session) -> list[dict[str, str | None]]:
    from coordinator.client.cluster_picture import take_picture

    members = (await take_picture(session.client)).members
    if not any(member.reachable for member in members):
        raise _unreachable(members[0])
    return [
        {
            "address": member.grpc,
            "name": member.name or None,
            "version": member.version or None,
            "error": member.error,
        }
        for member in members
    ]


def _unreachable(member: Member) -> ClientError:
    from coordinator.client.errors import Unavailable

    error = Unavailable(member.error or "no answer")
    error.member = member.grpc
    return error
