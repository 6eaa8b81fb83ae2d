"""Calls by method and code, counted around the handlers: what nobody serves is nobody's label."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any

import grpc
from typing_extensions import override

from coordinator.client.metric_parts import Counts, Sheet, Spreads

_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class RpcCounts:
    """One per process."""

    def __init__(self) -> None:
        self.requests = Counts()
        self.seconds = Spreads()
        self.in_flight = 0

    def ended(self, method: str, code: str, seconds: float) -> None:
        self.in_flight -= 1
        self.requests[method, code] += 1
        self.seconds[(method,)].observe(seconds)

    def put(self, sheet: Sheet) -> None:
        sheet.put_all("grpc_requests_total", self.requests)
        sheet.put_all("grpc_request_seconds", self.seconds)
        sheet.put("grpc_in_flight", self.in_flight)


class CountedServer:
    """Stands in for a server where services are added to it: each of their handlers is counted."""

    def __init__(self, server: grpc.aio.Server, counts: RpcCounts) -> None:
        self._server = server
        self._counts = counts

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """What generated code calls."""
        counted = tuple(_Counted(handler, self._counts) for handler in handlers)
        self._server.add_generic_rpc_handlers(counted)

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Generated code calls this as well; a server on a loop finds handlers by the generic ones alone."""


class _Counted(grpc.GenericRpcHandler):
    def __init__(self, inner: grpc.GenericRpcHandler, counts: RpcCounts) -> None:
        self._inner = inner
        self._counts = counts
        self._known: dict[str, Any] = {}

    @override
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = handler_call_details.method or ""
        found = self._known.get(method)
        if found is None:
            handler: Any = self._inner.service(handler_call_details)
            if handler is None:
                return None
            found = self._known[method] = counted(handler, method, self._counts)
        return found


def counted(handler: Any, method: str, counts: RpcCounts) -> Any:
    """The same handler of a method (`/package.Service/Method`), counted as `Service/Method`."""
    label = method.rpartition(".")[2].lstrip("/")
    kind = ("stream" if handler.request_streaming else "unary") + "_"
    kind += "stream" if handler.response_streaming else "unary"
    behaviour = getattr(handler, kind)
    wrap = _counted_stream if inspect.isasyncgenfunction(behaviour) else _counted_call
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    return make(
        wrap(behaviour, label, counts),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _counted_call(behaviour: Any, label: str, counts: RpcCounts) -> Callable[[Any, Any], Any]:
    async def call(request: Any, context: Any) -> Any:
        begun = perf_counter()
        counts.in_flight += 1
        try:
            answer = await behaviour(request, context)
        except BaseException as error:
            counts.ended(label, _code(context, error), perf_counter() - begun)
            raise
        counts.ended(label, _code(context, None), perf_counter() - begun)
        return answer

    return call


def _counted_stream(behaviour: Any, label: str, counts: RpcCounts) -> Callable[[Any, Any], Any]:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        begun = perf_counter()
        counts.in_flight += 1
        try:
            async with aclosing(behaviour(request, context)) as answers:
                async for answer in answers:
                    yield answer
        except BaseException as error:
            counts.ended(label, _code(context, error), perf_counter() - begun)
            raise
        counts.ended(label, _code(context, None), perf_counter() - begun)

    return stream


def _code(context: Any, error: BaseException | None) -> str:
    """The code that the caller sees, as far as the handler knows it."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return grpc.StatusCode.CANCELLED.name
    said = context.code()
    if isinstance(said, grpc.StatusCode):
        said = said.value[0]
    name = _NAMES.get(said, "OK")  # nothing was said: all is well, unless an error says otherwise
    return "UNKNOWN" if error is not None and name == "OK" else name
