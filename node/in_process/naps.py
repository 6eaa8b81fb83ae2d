"""Plain defs under the virtual clock: threads that nobody has to join, and that sleep by the loop's time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from typing_extensions import override

from executors.models import Shape
from executors.run_control import RunControl
from executors.run_port import RunFacts, RunPort
from executors.testing.bench import Bench
from executors.testing.driving import Control
from executors.testing.freezing import Life
from executors.testing.virtual_time import ThreadAtWork, VirtualTime


class CountedThread(ThreadAtWork):
    """A thread that the clock counts from its begin on, because it was given to an executor of the loop."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(time)
        self.rest()

    def begin(self) -> None:
        """It is counted from here on, by somebody else."""
        self._counts = True


def control_of(bench: Bench, life: Life, at_work: CountedThread) -> Callable[..., RunControl[Any]]:
    """Makes the control of a run whose thread sleeps by this bench's clock."""

    def make(facts: RunFacts, shape: Shape[Any], port: RunPort) -> RunControl[Any]:
        made = Control(facts, shape, port)
        made.bench, made.life, made.at_work = bench, life, at_work
        return made

    return make


class Thread(ThreadPoolExecutor):
    """Of one run. If the run was killed, nobody hears how it ended."""

    def __init__(self, life: Life, at_work: CountedThread) -> None:
        super().__init__(1)
        self._life, self._at_work = life, at_work

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - nothing a thread raises may get lost
                tell: Callable[[], None] = partial(done.set_exception, error)
            else:
                tell = partial(done.set_result, result)
            if not self._life.is_over:
                tell()

        self._at_work.begin()
        threading.Thread(target=work, daemon=True, name="executor under test").start()
        return done
