"""One seed from its beginning to its end, and what came of it."""

from __future__ import annotations

import gc
import traceback
from dataclasses import dataclass, field
from hashlib import blake2b

from coordinator.api import hub
from tests.simulation.dials import Dials, draw
from tests.simulation.laws import Broken, Tally
from tests.simulation.timeline import SECOND
from tests.simulation.watchdog import watched
from tests.simulation.world import World


@dataclass
class Result:
    """`law` and `what` are empty when every law held. `trace_hash` is the same for the same seed, always."""

    seed: int
    dials: Dials
    law: str = ""
    what: str = ""
    detail: str = ""  # where in the code
    step: int = 0
    virtual_s: float = 0.0
    trace_hash: str = ""
    tally: Tally = field(default_factory=Tally)
    trace: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.law


def run(seed: int, dials: Dials | None = None, *, until: int = 0, trace: bool = False) -> Result:
    """The world of this seed, with the dials drawn from it unless others are given."""
    dials = draw(seed) if dials is None else dials
    kept, hub.CHANGES_KEPT = hub.CHANGES_KEPT, dials.hub_kept
    world = World(seed, dials)
    world.timeline.tracing = trace
    result = Result(seed, dials, tally=world.tally)
    gc.disable()  # a world is one large cycle, and nothing in it goes before its end
    try:
        with watched(world.timeline.at_step):
            world.run(until)
    except Broken as broken:
        result.law, result.what = broken.law, broken.what
        result.detail = _where(broken)
    except Exception as bug:  # noqa: BLE001 - whatever it is, the seed has found it
        result.law, result.what = "bug", f"{type(bug).__name__}: {bug}"
        result.detail = _where(bug)
    finally:
        hub.CHANGES_KEPT = kept
        gc.enable()
    result.step, result.virtual_s = world.timeline.step, world.timeline.now / SECOND
    result.trace_hash = _hash(world)
    result.trace = list(world.timeline.traced)
    del world
    gc.collect()
    return result


def _where(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _hash(world: World) -> str:
    """Every event in its order, the digests, and one last draw of the dice."""
    found = blake2b(digest_size=8)
    found.update(b"%d %d" % (world.timeline.hash, world.timeline.step))
    for revision, (digest, _) in sorted(world.laws.state.digests.items()):
        found.update(f"{revision} {digest}".encode())
    found.update(b"%d" % world.dice.bits(64))
    return found.hexdigest()
