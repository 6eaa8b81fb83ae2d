"""The refusals inside the answer to a batch, where an earlier try of it may have been accepted."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from coordinator.client.calls import Whole
from coordinator.wire.v1 import tasks_pb2 as wire


class Items(Whole):
    """Of `CreateMany`: each item stands for itself, under a request id of its own."""

    @override
    def is_settled(self, response: wire.CreateManyResponse) -> bool:
        return next(_open(response), None) is None

    @override
    def resign(self, response: wire.CreateManyResponse) -> None:
        for error in _open(response):
            error.message = (
                f"perhaps done by an earlier try; a later one was refused: {error.message}"
            )
            error.code, error.reason = "UNKNOWN", "outcome_unknown"


def _open(response: wire.CreateManyResponse) -> Iterator[wire.ItemError]:
    """Refusals that only concern the last try."""
    for item in response.items:
        if item.HasField("error") and item.error.metadata.get("settled") != "yes":
            yield item.error
