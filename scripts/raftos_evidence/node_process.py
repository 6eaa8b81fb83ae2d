"""One real raftos node on loopback, driven by JSON lines on stdin, answering by JSON lines on stdout.

`{"do": "write", "n": 1, "key": "a", "value": 1}` is answered by `{"ack": 1}` when raftos says so, or never.
`{"do": "burst", "writes": [[1, "a", 1], [2, "b", 2]]}` starts them at once and kills this process at the first
acknowledgement, after saying which. `{"do": "load"}` writes one after the other and tells once a second how many.
`{"do": "cut", "ports": [9002]}` drops what comes from there. `{"do": "status"}` tells what this node believes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from typing import Any

from scripts.raftos_evidence import shims

shims.install()

import raftos  # noqa: E402 - after the shims
from raftos.cryptors import DummyCryptor  # noqa: E402
from raftos.serializers import JSONSerializer  # noqa: E402
from raftos.server import Node  # noqa: E402
from raftos.state import State  # noqa: E402

BACKGROUND: set[asyncio.Task[None]] = set()
LOGGED: set[str] = set()
COMMAND_BYTES_MAX = 1 << 20


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def told(record: logging.LogRecord) -> bool:
    """What raftos logs, once for each text; nothing is printed by logging itself."""
    text = record.getMessage()
    if text not in LOGGED:
        LOGGED.add(text)
        say(log=text)
    return False


async def write(number: int, key: str, value: object, *, die: bool = False) -> None:
    try:
        await State.set_value(key, value)
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        say(error=number, text=repr(error))
        return
    say(ack=number)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)


async def load() -> None:
    loop = asyncio.get_running_loop()
    count, since = 0, loop.time()
    for number in range(1_000_000):
        await State.set_value("load", number)
        count += 1
        if loop.time() - since >= 1:
            say(rate=round(count / (loop.time() - since), 1), total=number + 1)
            count, since = 0, loop.time()


def status(node: Any) -> dict[str, object]:
    state = node.state
    return {
        "leads": type(state.state).__name__ == "Leader",
        "term": state.storage.term,
        "length": len(state.log),
        "commit": state.log.commit_index,
    }


def filtered(node: Any, cut: set[int]) -> None:
    """A cable that can be pulled: the node's door is wrapped before it is opened."""
    inner = node.request_handler

    def handler(data: dict[str, Any]) -> None:
        if data["sender"][1] not in cut:
            inner(data)

    node.request_handler = handler


def obey(command: dict[str, Any], node: Any, cut: set[int]) -> None:
    match command["do"]:
        case "write":
            begin(write(command["n"], command["key"], command["value"]))
        case "burst":
            for number, key, value in command["writes"]:
                begin(write(number, key, value, die=True))
        case "load":
            begin(load())
        case "cut":
            cut.update(command["ports"])
        case _:
            say(status=status(node))


def begin(work: Any) -> None:
    task = asyncio.get_running_loop().create_task(work)
    BACKGROUND.add(task)
    task.add_done_callback(BACKGROUND.discard)


async def main(spec: dict[str, Any]) -> None:
    raftos.configure(
        {"log_path": spec["log"], "serializer": JSONSerializer, "cryptor": DummyCryptor}
    )
    if spec["election"] is not None:
        raftos.config.election_interval = tuple(spec["election"])
    logging.getLogger("raftos").addFilter(told)
    loop = asyncio.get_running_loop()
    node: Any = Node(address=("127.0.0.1", spec["port"]), loop=loop)
    cut: set[int] = set()
    filtered(node, cut)
    for port in spec["others"]:
        node.update_cluster(("127.0.0.1", port))
    await node.start()
    reader = asyncio.StreamReader(limit=COMMAND_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say(ready=True)
    while line := await reader.readline():
        obey(json.loads(line), node, cut)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
