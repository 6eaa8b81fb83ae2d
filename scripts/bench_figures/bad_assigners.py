"""Executors whose `get_assignment` raises, hangs, or answers nonsense. Coordinators and nodes load this file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from typing_extensions import override

from executors import Candidate, ClusterView, PersistentTasksExecutor

HANG_S = 3_600.0


class Nothing(BaseModel):
    """No fields."""


class Raises(PersistentTasksExecutor[Nothing, Nothing]):
    name = "bad.raises"

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Any:
        raise RuntimeError("on purpose")


class Hangs(PersistentTasksExecutor[Nothing, Nothing]):
    name = "bad.hangs"

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Any:
        time.sleep(HANG_S)


class TalksNonsense(PersistentTasksExecutor[Nothing, Nothing]):
    name = "bad.nonsense"

    @override
    def get_assignment(
        self, params: Nothing, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Any:
        return {"node": 42}
