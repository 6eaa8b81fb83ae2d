"""Calls to the run of a task: repeated while there is none, or while it moves, for as long as the caller waits (PT-85)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from coordinator.client import from_wire, methods, replies
from coordinator.client.calls import Caller, Plan
from coordinator.client.errors import Conflict
from coordinator.client.json_bytes import json_bytes
from coordinator.wire.v1 import tasks_pb2 as wire

AGAIN = frozenset({"not_assigned", "not_here"})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0


async def call_run(
    caller: Caller, task_id: str, method: str, payload: Any, timeout_s: float
) -> replies.Called:
    """The run's answer. Raises a ClientError: the last one, where no run answered in time."""
    data = b"" if payload is None else json_bytes(payload, "payload")
    request = wire.CallRequest(id=task_id, method=method, payload=data)
    clock = asyncio.get_running_loop().time
    ends, pause = clock() + timeout_s, FIRST_PAUSE_S
    while True:
        try:
            plan = Plan(max(0.001, ends - clock()), patient=True)
            reply = await caller.call(methods.CALL, request, plan)
        except Conflict as error:
            wait = pause * random.uniform(0.5, 1.0)
            if error.reason not in AGAIN or clock() + wait >= ends:
                raise
            await asyncio.sleep(wait)
            pause = min(LONGEST_PAUSE_S, 2 * pause)
            continue
        answer = from_wire.answer_of(reply.answer)
        return replies.Called(
            answer, from_wire.json_or_none(reply.payload), reply.allocation_id, reply.node
        )
