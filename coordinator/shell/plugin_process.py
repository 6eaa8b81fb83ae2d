"""The helper process: imports the executors and answers for them, one question after another.

Foreign code may raise, print, or never come back. Raising is an answer; printing goes to stderr; for the rest there is
the coordinator's deadline and SIGKILL. Started by exec (`python -m coordinator.shell.plugin_process`), it inherits
neither the loop nor the sockets nor the lock of a data directory.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any, BinaryIO

import msgspec

from coordinator.shell.parent_death import die_with_parent
from coordinator.shell.plugin_frames import (
    LENGTH_BYTES,
    Arguments,
    Cluster,
    Hello,
    Importing,
    Known,
    Question,
    Reply,
    frame,
)
from coordinator.shell.plugin_tasks import KnownTasks
from executors import registry
from executors.errors import DuplicateExecutorError
from executors.leader_calls import Answer, call_assignment, call_describe, call_validate


def main() -> None:
    """Say who is known, then answer until the pipe closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--executors", action="append", default=[])
    parser.add_argument("--without", action="append", default=[], help="plugins of other helpers")
    parser.add_argument("--only", default="", help="the one plugin of this helper")
    told = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the coordinator, which closes the pipe
    die_with_parent(told.parent)
    questions, answers = _take_pipes()
    try:
        known = registry.load(
            told.executors,
            builtin=not told.only,
            choice=registry.Choice(skip=dict.fromkeys(told.without, ""), only=told.only),
            on_import=lambda source: _say(answers, Importing(source)),
        )
    except DuplicateExecutorError as error:
        _say(answers, Hello((), fatal=str(error)))
        return
    _say(answers, hello_of(known))
    answering = Answering(known)
    while (question := read_question(questions)) is not None:
        _say(answers, answering.answer(question))


def _say(answers: BinaryIO, value: msgspec.Struct) -> None:
    answers.write(frame(value))


def hello_of(known: registry.Registry) -> Hello:
    """What was found, in the order of names; what was left out for another helper is no matter of this one."""
    return Hello(
        tuple(
            Known(
                one.name,
                one.version,
                "validate" in one.own_hooks,
                "get_assignment" in one.own_hooks,
                known.source_of(one.name),
            )
            for _, one in sorted(known.definitions.items())
        ),
        tuple((each.source, each.message) for each in known.load_errors if each.message),
    )


def read_question(pipe: BinaryIO) -> Question | None:
    """The next question; None when the coordinator is gone."""
    head = pipe.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    return msgspec.msgpack.decode(pipe.read(int.from_bytes(head)), type=Question)


class Answering:
    """What is known here, of executors and of their tasks."""

    def __init__(self, known: registry.Registry) -> None:
        self._known = known
        self._tasks = KnownTasks()

    def answer(self, question: Question) -> Reply:
        """One answer; never an exception of foreign code."""
        definition = self._known.get(question.executor)
        if definition is None:
            return Reply(question.call, "missing")
        told = msgspec.msgpack.decode(question.payload, type=Arguments)
        if question.kind == "describe":
            return _as_reply(question.call, call_describe(definition, told.params, told.version))
        words = told.cluster.tasks
        if words is not None and not self._tasks.take(question.executor, words):
            return Reply(question.call, "stale")
        cluster = self._cluster(question.executor, told.cluster)
        if question.kind == "validate":
            answer = call_validate(definition, told.params, told.version, cluster)
        else:
            answer = call_assignment(
                definition, told.params, told.version, told.candidates, cluster
            )
        return _as_reply(question.call, answer)

    def _cluster(self, executor: str, told: Cluster) -> dict[str, Any]:
        """As `executors.leader_calls` takes it."""
        left_out = told.tasks.left_out if told.tasks is not None else 0
        tasks = self._tasks.views(executor)
        return {"at": told.at, "nodes": told.nodes, "tasks": tasks, "tasks_left_out": left_out}


def _as_reply(call: int, answer: Answer) -> Reply:
    if not answer["ok"]:
        kind = "refused" if answer["code"] == "validation_failed" else "error"
        field = answer.get("field", "")
        text = f"{field}: {answer['message']}" if field else answer["message"]
        return Reply(call, kind, None, answer["code"], text)
    match answer.get("kind"):
        case "node":
            return Reply(call, "ok", answer["node"], "", answer["explanation"])
        case "least_loaded":
            return Reply(call, "least_loaded", None, "", ",".join(answer["among"]))
        case "none":
            return Reply(call, "refused", None, answer["code"], answer["explanation"])
        case _:
            return Reply(call, "ok", None, "", answer.get("text", ""))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, out of reach of foreign code: its stdin is empty and its prints go to stderr."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return questions, answers


if __name__ == "__main__":
    main()
