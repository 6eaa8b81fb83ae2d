"""Fetches names for completion, in a process of its own: the one that completes imports no grpc (EX-27).

`python -m coordinator.cli.completion_fetch tasks` writes the cache file of that kind and says nothing, ever.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from coordinator.cli.completing import cache_file
from coordinator.cli.flags import Given
from coordinator.cli.session import settings_of
from coordinator.client.client import Client
from coordinator.client.requests import Filter, ReadOptions

FETCH_S = 2.0
NAMES_MAX = 1_000


async def names_of(kind: str, addresses: tuple[str, ...]) -> list[str]:
    """The names of one kind, as any member has them."""
    read = ReadOptions(stale=True)
    async with Client(addresses, timeout_s=FETCH_S) as client:
        if kind == "nodes":
            return [node.name for node in (await client.cluster.nodes(read=read)).nodes]
        if kind == "executors":
            return [one.name for one in (await client.cluster.executors(read=read)).executors]
        if kind == "members":
            return [one.name for one in (await client.cluster.members(read=read)).members]
        page = await client.list(Filter(include_finished=True), page_size=NAMES_MAX, read=read)
        return [task.id for task in page.tasks]


def main(kind: str) -> None:
    """Fetch and replace the cache file as a whole."""
    given = Given()
    for name in ("addr", "context"):
        value = os.environ.get(f"TASKCTL_{name.upper()}")
        if value:
            given.environment[name] = value
    names = asyncio.run(names_of(kind, settings_of(given).addresses))
    path = cache_file(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(names), encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception:  # noqa: BLE001  (nobody is there to hear it)
        sys.exit(1)
