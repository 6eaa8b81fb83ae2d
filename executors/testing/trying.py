"""One run of an executor for somebody who watches: by the machine's clock, with a crash on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from executors.testing.harness import HarnessFactory
from executors.testing.record import Ended
from executors.testing.run import HarnessRun

LOOK_SECONDS = 0.1
WITHIN = "3650d"


@dataclass(frozen=True, slots=True)
class Trial:
    """What to run. `kill_after`: seconds until the run is killed once; None: it is left alone."""

    make: Callable[[], Any]
    params: Mapping[str, object]
    kill_after: float | None = None


def params_of(schema: Mapping[str, Any], words: Sequence[str]) -> dict[str, object]:
    """`K=V` by the executor's schema: a text field takes the text as it stands, any other JSON. Raises ValueError."""
    found: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} is not K=V")
        field = schema.get("properties", {}).get(key, {})
        if field.get("type") == "string":
            found[key] = text
            continue
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text  # the model says what it wants instead
    return found


async def try_out(trial: Trial, say: Callable[[str], None]) -> Ended:
    """Run it to its end and tell what happens. Raises ValidationError for params that do not fit."""
    factory = HarnessFactory(is_virtual=False)
    try:
        run = await factory(trial.make()).start(trial.params)
        watch = asyncio.create_task(_watch(run, say))
        if trial.kill_after is not None:
            await asyncio.wait((asyncio.create_task(run.ended(WITHIN)),), timeout=trial.kill_after)
            if not run.has_ended:
                await _stop_watching(watch)
                again = await run.crash_and_resume()
                say(f"killed; run {again.allocation_id} goes on from {_shown(again)}")
                run, watch = again, asyncio.create_task(_watch(again, say))
        end = await run.ended(WITHIN)
        await _stop_watching(watch)
        return end
    finally:
        factory.close()


async def _watch(run: HarnessRun, say: Callable[[str], None]) -> None:
    lines = saves = 0
    while True:
        try:
            await asyncio.sleep(LOOK_SECONDS)
        finally:  # once more at the end
            for line in run.log[lines:]:
                say(f"{line.level}: {line.event} {dict(line.fields) or ''}".rstrip())
            if run.checkpoints > saves:
                say(f"state: {_shown(run)}")
            lines, saves = len(run.log), run.checkpoints


async def _stop_watching(watch: asyncio.Task[None]) -> None:
    watch.cancel()
    await asyncio.wait((watch,))


def _shown(run: HarnessRun) -> str:
    return "nothing" if run.state is None else str(run.state.model_dump_json())
