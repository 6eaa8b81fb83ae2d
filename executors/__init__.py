"""The kit for authors of executors: everything you import, and nothing of the cluster's insides.

An executor is a class with models for its params and state. You write `node_operation`; the cluster sees to it that
one run of each task is alive somewhere, and starts the next one where the last durable state left off:

    from pydantic import BaseModel
    from executors import AllocatedPersistentTask, PersistentTasksExecutor, TaskPolicy

    class CopyParams(BaseModel):
        source: str
        parts: int = 10

    class CopyState(BaseModel):
        done: int

    class Copy(PersistentTasksExecutor[CopyParams, CopyState]):
        name = "bucket.copy"
        policy = TaskPolicy(timeout="2h", max_attempts=5)

        async def node_operation(self, task: AllocatedPersistentTask[CopyState], params: CopyParams,
                                 state: CopyState | None) -> object:
            for part in range(state.done if state else 0, params.parts):
                await copy_part(params.source, part, token=task.fencing_token)   # the store refuses an older token
                await task.update_state(CopyState(done=part + 1))                # durable before the next part
            return {"parts": params.parts}

What to know, in the order in which you will need it. Your code may run more than once, never twice with one fencing
token. What you last saved is what you get back as `state`; nothing else survives. Returning is success and gives the
result; raising is failure, tried again by policy; RetryableError says when, PermanentError says never. When the run is
asked to end, `task.cancelled` is set and the next await raises CancelledError; why is in `task.stop_reason`. A plain
`def node_operation` runs in a thread and uses `task.blocking`. `declares` names tasks that are always to be there;
`on_call` answers whoever asks a run; `task.poke(executor)` has tasks that wait for input looked at again.

Run it: `task-node --executors my_module ...`, or name it in the entry points group `ptasks.executors`.

Who may enter: executors, nodes, and the coordinator's shell. Reading order: `api`, `handle`, `policy`, `views`,
`errors`, `declared`, `calls`; behind them `definition`, `models`, `reading`, `registry`, `manifests`, `leader_calls`, `late_views`,
`run_control`.
"""

from executors.api import PersistentTasksExecutor, executor
from executors.calls import Call
from executors.declared import DeclaredTask
from executors.durations import Duration
from executors.errors import (
    ExecutorDefinitionError,
    Fenced,
    PermanentError,
    RetryableError,
    RunEnded,
    ValidationError,
)
from executors.handle import AllocatedPersistentTask, BlockingTask
from executors.policy import Backoff, Limit, TaskPolicy
from executors.results import RunResult
from executors.views import Assignment, Candidate, ClusterView, StopReason, TaskRef

__all__ = [
    "AllocatedPersistentTask",
    "Assignment",
    "Backoff",
    "BlockingTask",
    "Call",
    "Candidate",
    "ClusterView",
    "DeclaredTask",
    "Duration",
    "ExecutorDefinitionError",
    "Fenced",
    "Limit",
    "PermanentError",
    "PersistentTasksExecutor",
    "RetryableError",
    "RunEnded",
    "RunResult",
    "StopReason",
    "TaskPolicy",
    "TaskRef",
    "ValidationError",
    "executor",
]
