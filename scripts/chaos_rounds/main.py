"""`scripts/chaos`: rounds of real faults, one JSON line each, and one over all of them at the end."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from coordinator.client import ClientError
from scripts.chaos_rounds import restores
from scripts.chaos_rounds.arena import SMALL_DISK, Arena
from scripts.chaos_rounds.looking import Violation
from scripts.chaos_rounds.plan import DEFAULT, Fault
from scripts.chaos_rounds.rounds import Result, Rounds
from tests.end_to_end.processes import CHECKOUT

EXIT_VIOLATION, EXIT_USAGE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 2, 70, 130, 143
FLIPPED = "c2"  # whose files are flipped at the end; its disk is a real one

EXPLAINED = """
faults:
  kill     SIGKILL to one or two of: coordinator, supervisor, agent, worker, a whole node; started again within 1 s
  pause    SIGSTOP and SIGCONT of a process or a whole node, for lengths on both sides of R - L, L and R
  link     delay, silence, silence one way, broken or half-closed connections between a process and coordinators
  all      SIGKILL to everything at once
  full     no space left for one coordinator, whose directory is a small file system (where one can be mounted)
  flip     single bits of a stopped coordinator's files; it must come up right, call itself damaged, or refuse
  leader   SIGKILL to the leader every 5 s (not in the default mix)

Without --faults every round kills, and the others join in now and then. Names in --faults choose classes, names with
a minus before them leave classes out of the default mix: `--faults kill,link`, `--faults -full,-flip`.

--restores N saves under load, kills, restores into fresh directories and compares with what was promised at the save,
N times over one cluster.

Each line on stdout is a JSON object: of a round its faults, how long it took, and the longest time in which no call
was acknowledged; at the end the sums. The same seed gives the same faults at the same times; how the processes meet
them is up to the machine. A violation prints what contradicts what, keeps the directory, and exits with 1; 70 means
that a check could not be made. The directory is on the disk of the checkout.
"""


def note(text: str) -> None:
    """For whoever watches."""
    print(f"chaos: {text}", file=sys.stderr, flush=True)


def line(**said: object) -> None:
    """One JSON object on stdout."""
    print(json.dumps(said), flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Hurts a real cluster, round by round, and compares promises with facts.",
        epilog=textwrap.dedent(EXPLAINED),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--rounds", type=int, help="how many (default: 20, or what --minutes allow)")
    made.add_argument("--minutes", type=float, help="begin no round after so long")
    made.add_argument("--seed", type=int, help="of all that is decided by dice (default: drawn)")
    made.add_argument("--faults", type=faults_of, default=DEFAULT, help="see below")
    made.add_argument("--rate", type=float, default=40.0, help="operations a second (default: 40)")
    made.add_argument(
        "--look-every", type=int, default=1, help="rounds between checks (default: 1)"
    )
    made.add_argument(
        "--flips", type=int, default=1000, help="bits to flip at the end (default: 1000)"
    )
    made.add_argument(
        "--restores", type=int, default=0, help="restore drills, instead of rounds (see below)"
    )
    made.add_argument("--data-dir", type=Path, help="where to work; must not exist or be empty")
    made.add_argument("--keep", action="store_true", help="keep the directory in any case")
    return made


def faults_of(text: str) -> tuple[Fault, ...]:
    """Classes, or those of the default mix without some. argparse shows the error."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {fault.value: fault for fault in Fault}
    unknown = [word for word in words if word.lstrip("-") not in known]
    if unknown or not words:
        raise argparse.ArgumentTypeError(f"no fault {unknown}; there are: {', '.join(known)}")
    left_out = {known[word[1:]] for word in words if word.startswith("-")}
    chosen = tuple(known[word] for word in words if not word.startswith("-"))
    return chosen or tuple(fault for fault in DEFAULT if fault not in left_out)


def told(result: Result) -> dict[str, object]:
    """One round."""
    return {
        "round": result.number,
        "faults": [str(event) for event in result.events],
        "took_s": round(result.took_s, 2),
        "unavailable_s": round(result.unavailable_s, 2),
    }


def summed(rounds: Rounds, seed: int, took_s: float) -> dict[str, object]:
    """All of them."""
    ledger, gaps = rounds.ledger, sorted(r.unavailable_s for r in rounds.results)
    return {
        "seed": seed,
        "rounds": len(rounds.results),
        "minutes": round(took_s / 60, 1),
        "rounds_per_minute": round(len(rounds.results) / took_s * 60, 1),
        "faults": Counter(event.fault.value for r in rounds.results for event in r.events),
        "kills": rounds.inflicter.kills,
        "operations": sum(map(len, ledger.operations.values())),
        "acknowledged": ledger.acknowledged,
        "unknown": ledger.unknown,
        "not_done": ledger.not_done,
        "lost": 0,
        "reads": rounds.load.reads,
        "runs_written": sum(map(len, rounds.lines.runs.values())),
        "lines": rounds.lines.count,
        "overlaps": rounds.lines.overlaps,
        "unavailable_s": {
            "p50": gaps[len(gaps) // 2],
            "p99": gaps[int(len(gaps) * 0.99)],
            "max": gaps[-1],
        }
        if gaps
        else {},
        "flips": rounds.flips.ends,
    }


def work(arena: Arena, asked: argparse.Namespace, seed: int) -> int:
    """The rounds; the exit status."""
    began = time.monotonic()
    rounds = Rounds(arena, seed, asked.faults, rate=asked.rate)
    wanted = asked.rounds or (20 if asked.minutes is None else sys.maxsize)
    ends = began + 60 * asked.minutes if asked.minutes is not None else float("inf")
    try:
        rounds.begin()
        while len(rounds.results) < wanted and time.monotonic() < ends:
            line(**told(rounds.play(look=(len(rounds.results) + 1) % asked.look_every == 0)))
        rounds.finish()
        line(**summed(rounds, seed, time.monotonic() - began))
    except (Violation, TimeoutError, ClientError) as error:
        confess(rounds, seed, error)
        return EXIT_VIOLATION if not isinstance(error, ClientError) else EXIT_FAILED
    finally:
        rounds.end()
    return 0


def rehearse(arena: Arena, asked: argparse.Namespace, seed: int) -> int:
    """The restore drills; the exit status."""
    began = time.monotonic()
    drills = restores.Drills(arena, seed, rate=asked.rate)
    try:
        drills.begin()
        for _ in range(asked.restores):
            line(**restores.told(drills.play()))
        line(**restores.summed(drills, seed, time.monotonic() - began))
    except (Violation, TimeoutError, ClientError) as error:
        note(f"seed {seed}, drill {len(drills.done)}: {type(error).__name__}: {error}")
        note(arena.last_lines(10))
        return EXIT_VIOLATION if not isinstance(error, ClientError) else EXIT_FAILED
    finally:
        drills.end()
    return 0


def confess(rounds: Rounds, seed: int, error: Exception) -> None:
    """Everything somebody needs to find out why."""
    if rounds.results:
        result = rounds.results[-1]
        note(f"seed {seed}, round {result.number}; what was done in it:")
        for what in result.said:
            note(f"  {what}")
    note(f"{type(error).__name__}: {error}")
    note(rounds.arena.last_lines(10))


def flip(root: Path, seed: int, count: int) -> int:
    """Bits of a stopped member's files, at the store alone; two at a time are enough for two cores."""
    command = [sys.executable, "-m", "scripts.chaos_rounds.flip_many", str(root / FLIPPED), FLIPPED]
    done = subprocess.run(
        [*command, str(seed), str(count)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        note(done.stderr)
        return EXIT_FAILED
    found = json.loads(done.stdout)
    line(flips=count, file=FLIPPED, **found)
    return EXIT_VIOLATION if found["wrong"] else 0


def asked_to_stop(*_: object) -> None:
    """SIGTERM: everything is ended in order."""
    note("asked to stop")
    raise SystemExit(EXIT_TERMINATED)


def directory_of(asked: argparse.Namespace) -> Path:
    """Where to work. SystemExit for one that somebody else uses."""
    if asked.data_dir is None:
        base = CHECKOUT / "build"
        base.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="chaos-", dir=base))
    root: Path = asked.data_dir.resolve()
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        note(f"{root} is not empty: name another directory")
        raise SystemExit(EXIT_USAGE)
    return root


def main(arguments: Sequence[str]) -> int:
    """Everything that was started is ended, however we end."""
    asked = parser().parse_args(arguments)
    seed = asked.seed if asked.seed is not None else Random().getrandbits(32)
    signal.signal(signal.SIGTERM, asked_to_stop)
    root = directory_of(asked)
    note(f"seed {seed}, working in {root}")
    fills = Fault.FULL in asked.faults and not asked.restores
    arena = Arena(root, small_disk=fills)
    if fills and not arena.has_small_disk:
        note(f"no small file system could be mounted for {SMALL_DISK}: class full is left out")
    status = EXIT_FAILED
    try:
        status = (rehearse if asked.restores else work)(arena, asked, seed)
        arena.end()
        if status == 0 and asked.flips and not asked.restores:
            status = flip(root, seed, asked.flips)
    except KeyboardInterrupt:
        note("interrupted")
        status = EXIT_INTERRUPTED
    finally:
        arena.end()
        if status == 0 and not asked.keep:
            shutil.rmtree(root)
        else:
            note(f"kept: {root}")
    return status


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main(sys.argv[1:]))
