"""What a broken rule looks like, and the counters that show that a run was worth something."""

from __future__ import annotations

from collections import Counter


class Broken(BaseException):
    """A rule of the spec does not hold. No `except Exception` of the product may swallow it."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law, self.what = law, what


class ProcessEnded(BaseException):
    """Unwinds what a simulated process was doing when it died."""


def require(holds: bool, law: str, what: str) -> None:
    """Raises Broken unless it holds. `what` should be cheap; build long texts only after a failed test."""
    if not holds:
        raise Broken(law, what)


class Tally(Counter[str]):
    """Counts by name: `fault/crash`, `call/create`, `refused/stale_allocation`."""

    def fault(self, kind: str) -> None:
        self[f"fault/{kind}"] += 1

    @property
    def faults(self) -> int:
        return sum(count for name, count in self.items() if name.startswith("fault/"))
