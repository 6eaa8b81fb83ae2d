"""A `grpc.aio` server that gives back what it gets: prints its address, then serves until it is killed."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from typing_extensions import override


class Echo(grpc.GenericRpcHandler):
    """Any method; bytes in, the same bytes out."""

    @override
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return grpc.unary_unary_rpc_method_handler(self.echo)

    async def echo(self, request: bytes, _context: Any) -> bytes:
        """What came in."""
        return request


async def serve() -> None:
    """Until the process is killed."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
