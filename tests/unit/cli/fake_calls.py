# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""The part of the fake coordinator that answers for runs."""

from __future__ import annotations

import json
from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire


class FakeCalls:
    """Says what it was asked."""

    state: Any
    enter: Any
    refused: Any

    async def Call(self, request: wire.CallRequest, context: Any) -> Any:
        await self.enter("Call", request, context)
        task = self.state.tasks.get(request.id)
        if task is None:
            from tests.unit.cli.fake_server import not_found

            await self.refused(not_found(request.id), context)
            return None
        told = json.dumps({"method": request.method, "got": json.loads(request.payload or b"null")})
        return wire.CallResponse(
            answer=self.state.answer(), payload=told.encode(), allocation_id=7, node="n1"
        )
