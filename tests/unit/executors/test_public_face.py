"""What authors import, and what their type checker says about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import executors

NAMES = """AllocatedPersistentTask Assignment Backoff BlockingTask Call Candidate ClusterView DeclaredTask Duration
    ExecutorDefinitionError Fenced Limit PermanentError PersistentTasksExecutor RetryableError RunEnded RunResult
    StopReason TaskPolicy TaskRef ValidationError executor"""

AUTHOR = """
from pydantic import BaseModel
from executors import AllocatedPersistentTask, PersistentTasksExecutor, TaskPolicy, executor

class P(BaseModel):
    a: int = 0

class S(BaseModel):
    b: int = 0

class Fine(PersistentTasksExecutor[P, S]):
    name = "a.fine"
    policy = TaskPolicy(timeout="10m", priority="low")

    async def node_operation(self, task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
        await task.update_state(S(b=params.a))
        await task.update_state(P())  # E: arg-type
        task.update_state(S())  # E: unused-coroutine
        task.checkpoint(S())  # E: unused-coroutine
        return state.c if state else None  # E: attr-defined

class Thread(PersistentTasksExecutor[P, S]):
    name = "a.thread"

    def node_operation(self, task: AllocatedPersistentTask[S], params: P, state: S | None) -> dict[str, int]:
        revision: int = task.blocking.update_state(S())
        return {"revision": revision}

class Wrong(PersistentTasksExecutor[P, S]):
    name = "a.wrong"

    async def node_operation(self, task: AllocatedPersistentTask[S], params: S, state: S | None) -> object:  # E: override
        return None

@executor("a.function", version=1, policy=TaskPolicy(timeout="10m"))
async def function(task: AllocatedPersistentTask[S], params: P, state: S | None) -> object:
    return params.a

@executor("a.short")
def short(task: AllocatedPersistentTask[S], params: P) -> object:
    return params.a

@executor("a.bad")  # E: arg-type
async def bad(task: AllocatedPersistentTask[S]) -> object:
    return None
"""


def test_exactly_these_names() -> None:
    assert sorted(executors.__all__) == sorted(NAMES.split())
    for name in NAMES.split():
        assert getattr(executors, name).__doc__


def test_x28_authors_code_under_a_strict_type_checker(tmp_path: Path) -> None:
    mypy_api = pytest.importorskip("mypy.api")
    file = tmp_path / "author.py"
    file.write_text(AUTHOR)
    told, trouble, _ = mypy_api.run(
        [
            "--strict",
            "--config-file=",
            "--no-pretty",
            f"--cache-dir={tmp_path / 'cache'}",
            "--follow-imports=silent",
            str(file),
        ]
    )
    found = set(re.findall(r"author\.py:(\d+): error: .*\[([a-z-]+)\]", told))
    expected = {
        (str(number), line.rpartition("# E: ")[2])
        for number, line in enumerate(AUTHOR.splitlines(), 1)
        if "# E: " in line
    }
    assert found == expected, told + trouble
