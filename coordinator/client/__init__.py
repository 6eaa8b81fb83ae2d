"""THE PUBLIC LIBRARY: how nodes, the CLI, the dashboard and users talk to a cluster. Plain gRPC underneath.

What it adds to the stubs: it goes to the leader, repeats under one request id until the deadline, tells "certainly
not done" from "perhaps done", keeps below the limits of a connection, resumes watches, and turns messages into views
with one serializer for all JSON of the project.

Who may enter: anyone. It imports `coordinator.wire` and no inner room, so it can be installed and used far from any
coordinator. Names are loaded on first use: `import coordinator.client` costs nothing, `Client` brings grpc.

Reading order: `routing` (pure: where a try goes, what its failure means), `calls` (the one retry loop), `client`,
`watch`, `views` and `serializer`, `errors`. `channels` holds the connections, `from_wire` and `to_wire` translate,
`node_session` is a node's own way in. `start_checks` and `http_health` are what both servers share.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.client.client import Client
    from coordinator.client.errors import (
        ClientError,
        Conflict,
        Forbidden,
        InvalidRequest,
        LimitReached,
        NotFound,
        NotSupported,
        OutcomeUnknown,
        Refused,
        TimedOut,
        Unavailable,
        Unexpected,
        WatchReset,
    )
    from coordinator.client.requests import (
        ChangeOptions,
        Condition,
        Edit,
        Filter,
        NewTask,
        ReadOptions,
        RunFilter,
        new_request_id,
        new_task_id,
    )
    from coordinator.client.sync import SyncClient
    from coordinator.client.views import Answer, Run, Task

_HOME = {
    "client": ("Client",),
    "errors": (
        "ClientError",
        "Conflict",
        "Forbidden",
        "InvalidRequest",
        "LimitReached",
        "NotFound",
        "NotSupported",
        "OutcomeUnknown",
        "Refused",
        "TimedOut",
        "Unavailable",
        "Unexpected",
        "WatchReset",
    ),
    "requests": (
        "ChangeOptions",
        "Condition",
        "Edit",
        "Filter",
        "NewTask",
        "ReadOptions",
        "RunFilter",
        "new_request_id",
        "new_task_id",
    ),
    "sync": ("SyncClient",),
    "views": ("Answer", "Run", "Task"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Answer",
    "ChangeOptions",
    "Client",
    "ClientError",
    "Condition",
    "Conflict",
    "Edit",
    "Filter",
    "Forbidden",
    "InvalidRequest",
    "LimitReached",
    "NewTask",
    "NotFound",
    "NotSupported",
    "OutcomeUnknown",
    "ReadOptions",
    "Refused",
    "Run",
    "RunFilter",
    "SyncClient",
    "Task",
    "TimedOut",
    "Unavailable",
    "Unexpected",
    "WatchReset",
    "new_request_id",
    "new_task_id",
]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
