"""The files of a new executor, as templates: `$name` the executor, `$package` and `$cls` what it is in Python."""

from __future__ import annotations

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$dist"
version = "0.1.0"
description = "The executor $name for ptasks."
requires-python = ">=3.11"
dependencies = ["ptasks", "pydantic>=2.12"]

[project.optional-dependencies]
test = ["ptasks[test]", "mypy"]

# Installed beside a node, it is found by this; without installing: --executors $package
[project.entry-points."ptasks.executors"]
"$name" = "$package:$cls"

[tool.hatch.build.targets.wheel]
packages = ["src/$package"]

[tool.mypy]
strict = true
packages = ["$package"]
mypy_path = "src"

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

PACKAGE = """\
\"\"\"The executor `$name`.\"\"\"

from $package.executor import $cls, ${cls}Params, ${cls}State

__all__ = ["$cls", "${cls}Params", "${cls}State"]
"""

HEAD = """\
\"\"\"`$name`: replace this line by what it does.\"\"\"

from __future__ import annotations

from pydantic import BaseModel, Field

from executors import AllocatedPersistentTask, Duration, PersistentTasksExecutor, TaskPolicy


class ${cls}Params(BaseModel):
    \"\"\"What whoever starts a task gives: `taskctl start $name -p items=10`. Unknown keys are refused.\"\"\"

    items: int = Field(default=10, ge=1)
    pause: Duration = Duration("100ms")


class ${cls}State(BaseModel):
    \"\"\"What a next run has to know. Nothing else survives this one. At most 1 MiB; small is better.\"\"\"

    done: int = 0


class $cls(PersistentTasksExecutor[${cls}Params, ${cls}State]):
    \"\"\"Works on items, one after the other. This line is shown by `taskctl executor list`.\"\"\"

    name = "$name"
    version = 1  # raise it when params or state change shape, and write upgrade_params or upgrade_state
    policy = TaskPolicy(timeout="1h", max_attempts=5$isolation)
"""

ASYNC = """\

    async def node_operation(
        self,
        task: AllocatedPersistentTask[${cls}State],
        params: ${cls}Params,
        state: ${cls}State | None,
    ) -> object:
        # It may run more than once, never twice with one fencing token: begin where the last durable state says.
        done = state.done if state else 0
        while done < params.items:
            # Each await is a place where a stop reaches you, as CancelledError; task.stop_reason says why.
            await task.sleep(params.pause)
            # Work on item number `done` here. Give task.fencing_token to whatever you write to, so that a run which
            # was superseded can be refused there.
            done += 1
            # Durable when it returns. For many small steps: task.checkpoint(state, every="5s"), the last one wins.
            await task.update_state(${cls}State(done=done))
            task.progress(done, params.items)
        # Returning is success, and this the result (JSON, 64 KiB). Raising is failure, tried again by policy;
        # RetryableError says when, PermanentError says never.
        return {"items": done}
"""

SYNC = """\

    def node_operation(
        self,
        task: AllocatedPersistentTask[${cls}State],
        params: ${cls}Params,
        state: ${cls}State | None,
    ) -> object:
        me = task.blocking  # a plain def runs in a thread; these are the verbs for it
        # It may run more than once, never twice with one fencing token: begin where the last durable state says.
        done = state.done if state else 0
        while done < params.items:
            # A stop reaches a thread only where it looks: here, or in me.raise_if_cancelled().
            me.sleep(params.pause)
            # Work on item number `done` here. Give me.fencing_token to whatever you write to, so that a run which
            # was superseded can be refused there.
            done += 1
            # Durable when it returns. For many small steps: me.checkpoint(state, every="5s"), the last one wins.
            me.update_state(${cls}State(done=done))
            me.progress(done, params.items)
        # Returning is success, and this the result (JSON, 64 KiB). Raising is failure, tried again by policy;
        # RetryableError says when, PermanentError says never.
        return {"items": done}
"""

TESTS = """\
\"\"\"`$name`, without a cluster: the harness and its clock come with ptasks.\"\"\"

from __future__ import annotations

from executors.testing import ExecutorContract, HarnessFactory

from $package import $cls, ${cls}Params


class Test$cls(ExecutorContract):
    \"\"\"What every executor owes: it survives crashes, ends when asked to, stops writing when it is superseded, ...\"\"\"

    executor = $cls
    params = ${cls}Params(items=6)


async def test_goes_on_where_it_was(executor_harness: HarnessFactory) -> None:
    run = await executor_harness($cls).start(${cls}Params(items=6))
    await run.until(checkpoints=3)
    again = await run.crash_and_resume()
    assert await again.result() == {"items": 6}
    assert again.checkpoints == 3
    assert again.fencing_token > run.fencing_token


async def test_ends_when_it_is_cancelled(executor_harness: HarnessFactory) -> None:
    run = await executor_harness($cls).start(${cls}Params(items=6))
    await run.until(checkpoints=2)
    end = await run.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)
    assert run.checkpoints == 2
"""

README = """\
# $name

An executor for ptasks.

```
$steps
```

- `src/$package/executor.py`: parameters, state, the work.
- `tests/`: runs it without a cluster. `tests/schemas/` appears with the first run; commit it, and a change of shape
  without a new version is found.
- A cluster finds it by its entry point where it is installed, on nodes and on coordinators.
"""
