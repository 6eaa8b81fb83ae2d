"""Commands about a type of work as a whole. A tag is for ever; fields are only appended."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class PauseExecutor(msgspec.Struct, frozen=True, array_like=True, tag=54, gc=False):
    """Nothing of this executor is placed from here on; of no executor at all if it is empty (TM-28).

    `stop`: runs that have a node are asked to end, and wait; else they go on.
    """

    executor: str
    reason: str
    by: str = ""
    stop: bool = False


class ResumeExecutor(msgspec.Struct, frozen=True, array_like=True, tag=55, gc=False):
    """It may start again. Empty: every one, and the switch for all of them."""

    executor: str
    by: str = ""


ExecutorCommand: TypeAlias = PauseExecutor | ResumeExecutor
