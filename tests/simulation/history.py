"""What callers asked and were told, with the true instants of both: the checkers' material."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

PENDING = 2**62  # the instant of an answer that never came


@dataclass
class Operation:
    """One call over all its tries. `ok`: a definite answer; `unknown`: it may have happened, `failed`: certainly not."""

    client: str
    kind: str  # one of `verbs.KINDS`
    key: str  # task id, setting or limit
    argument: Any
    called: int
    request_id: str = ""
    returned: int = PENDING
    state: str = "open"  # open ok unknown failed
    result: Any = None
    revision: int = 0
    tries: int = 0

    @override
    def __str__(self) -> str:
        end = "..." if self.returned == PENDING else f"{self.returned / 1e6:.3f}"
        return (
            f"{self.client} {self.kind} {self.key} {self.argument} [{self.called / 1e6:.3f}, {end}]"
            f" {self.state} {self.result} r{self.revision}"
        )


@dataclass
class History:
    """Everything, in the order it was begun."""

    operations: list[Operation] = field(default_factory=list)
    repeats: list[tuple[Operation, Any]] = field(default_factory=list)  # and what was told again
