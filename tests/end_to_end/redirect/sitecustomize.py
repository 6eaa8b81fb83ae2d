"""Read by Python itself when this directory is on PYTHONPATH: channels of a process under test go through proxies.

Members of one cluster all use the same list of addresses, so a proxy for each *link* needs help at the sender:
`TEST_REDIRECT` is a JSON object, address -> address of the proxy in front of it, for this process and its children.
"""

import json
import os
import sys

_SPEAKERS = {
    "coordinator",
    "node.agent",
}  # processes that open channels; workers and supervisors are left alone


def _redirect(ways: dict[str, str]) -> None:
    import grpc.aio

    really = grpc.aio.insecure_channel

    def insecure_channel(target: str, *args: object, **options: object) -> object:
        return really(ways.get(target, target), *args, **options)

    grpc.aio.insecure_channel = insecure_channel
    _redirect_connections(ways)


def _redirect_connections(ways: dict[str, str]) -> None:
    """The framed streams of coordinators; grpc opens its connections elsewhere."""
    import uvloop

    really = uvloop.Loop.create_connection

    def create_connection(
        loop: object, factory: object, host: str, port: int, **options: object
    ) -> object:
        host, _, port_text = ways.get(f"{host}:{port}", f"{host}:{port}").rpartition(":")
        return really(loop, factory, host, int(port_text), **options)

    uvloop.Loop.create_connection = create_connection


if "TEST_REDIRECT" in os.environ and _SPEAKERS & set(sys.orig_argv):
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    _redirect(json.loads(os.environ["TEST_REDIRECT"]))
