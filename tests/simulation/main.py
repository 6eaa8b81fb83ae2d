"""`scripts/simulate`: a whole cluster from one seed, again and again.

Each seed is 60 virtual seconds of real replicas and real node cores under the faults that are drawn from it, then a
phase in which everything heals and has to be well within a minute. The same seed is the same story, always.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

from tests.simulation import mutants, runs, schedule_runs
from tests.simulation.dials import FAULTS, Dials, draw
from tests.simulation.laws import Tally
from tests.simulation.runs import Result
from tests.simulation.shrinking import shrink

ROOT = Path(__file__).resolve().parents[2]
NONE = "none"
TWICE_EVERY = 100  # such seeds run a second time under another hash seed

Kinds = tuple[str, ...] | None
Given = tuple[Kinds, str]  # kinds of faults, other dials

EXAMPLES = f"""\
examples:
  scripts/simulate --seeds 1..2000                 every night
  scripts/simulate --seeds 1.. --minutes 10        as many as fit, from seed 1 on
  scripts/simulate --seed 4711                     one seed; its dials and what came of it
  scripts/simulate --seed 4711 --faults crash,loss the same story with these kinds of faults only
  scripts/simulate --seed 4711 --shrink            which kinds of faults, members, clients it takes to fail
  scripts/simulate --seed 4711 --until 51234 --trace    the last events before that step
  scripts/simulate --schedules 100000              leaders die, clocks jump, all is down, when fire times come
  scripts/simulate --mutants                       whether the harness notices each known way of being wrong

kinds of faults:
  {", ".join(FAULTS[:11])},
  {", ".join(FAULTS[11:])}

A failure prints the law that does not hold, the step, the dials and how to repeat it. One seed in a hundred runs a
second time in a fresh process with another PYTHONHASHSEED; its trace must be the same. Exit status: 0 all laws held,
1 some did not, 2 nonsense on the command line.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status for the shell."""
    options = _parser().parse_args(arguments)
    if options.schedules is not None:
        return schedule_runs.main(options.schedules, options.seed or 1)
    if options.mutants is not None:
        return mutants.main(options.mutants, options.seeds or range(1, 2_001), options.jobs)
    try:
        kinds = _kinds(options.faults)
        draw(0).but(options.set)
    except ValueError as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    if options.hash_only:
        print(runs.run(options.seed, _dials(options.seed, kinds, options.set)).trace_hash)
        return 0
    if options.seed is not None:
        return _one(options, kinds)
    return _many(options, kinds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", type=int, help="one seed, told in full")
    what.add_argument("--seeds", type=_range, help="A..B, or A.. with --minutes (default 1..100)")
    parser.add_argument(
        "--schedules",
        type=int,
        nargs="?",
        const=100_000,
        metavar="N",
        help="N fire times (100000) of series, and those of outages, with faults that strike when they come",
    )
    parser.add_argument("--minutes", type=float, help="begin no further seed after so long")
    parser.add_argument("--faults", metavar="LIST", help="only these kinds, by comma; or none")
    parser.add_argument(
        "--set", metavar="LIST", default="", help="dials by name: members=5,nodes=2"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--until", type=int, default=0, metavar="STEP", help="stop at this step")
    parser.add_argument("--trace", action="store_true", help="print the last events")
    parser.add_argument("--shrink", action="store_true", help="find what the failure needs")
    parser.add_argument(
        "--mutants",
        nargs="?",
        const="",
        metavar="NAME",
        help="apply each mutant, or those named so",
    )
    parser.add_argument("--hash-only", action="store_true", help=argparse.SUPPRESS)
    return parser


def _range(text: str) -> range:
    first, dots, last = text.partition("..")
    if not dots or not first.isdigit() or not (last.isdigit() or not last):
        raise argparse.ArgumentTypeError("a range is A..B or A..")
    return range(int(first), int(last) + 1 if last else 2**31)


def _kinds(text: str | None) -> Kinds:
    """None: whatever the seed draws."""
    if text is None:
        return None
    named = tuple(kind for kind in text.split(",") if kind and kind != NONE)
    unknown = [kind for kind in named if kind not in FAULTS]
    if unknown:
        raise ValueError(f"no such faults: {', '.join(unknown)}; see --help")
    return named


def _dials(seed: int, kinds: Kinds, changes: str = "") -> Dials:
    drawn = draw(seed)
    return (drawn if kinds is None else drawn.only(kinds)).but(changes)


# -- one seed ---------------------------------------------------------------------------------------


def _one(options: argparse.Namespace, kinds: Kinds) -> int:
    dials = _dials(options.seed, kinds, options.set)
    result = runs.run(options.seed, dials, until=options.until, trace=options.trace)
    if options.trace:
        print("\n".join(result.trace))
    print(f"seed {result.seed}: {result.dials}")
    print(f"{result.step} steps, {result.virtual_s:.1f} virtual seconds, hash {result.trace_hash}")
    print("  ".join(f"{name} {count}" for name, count in sorted(result.tally.items())))
    if result.ok:
        return 0
    print(result.detail)
    print(told(result))
    if options.shrink:
        print("smallest that still fails: " + command(shrink(result)))
    return 1


def told(result: Result) -> str:
    """A failure as the lines that somebody needs who wants to see it again."""
    return "\n".join(
        (
            f"FAILED seed {result.seed} at step {result.step} ({result.virtual_s:.3f} s): {result.law}",
            f"  {result.what}",
            f"  revision {revision()}, dials: {result.dials}",
            f"  repeat: {command(result)} --until {result.step} --trace",
        )
    )


def command(result: Result) -> str:
    """How to run this very story."""
    drawn, words = draw(result.seed), [f"scripts/simulate --seed {result.seed}"]
    if drawn.switched_on != result.dials.switched_on:
        words.append(f"--faults {','.join(result.dials.switched_on) or NONE}")
    others = result.dials.differences(drawn)
    return " ".join([*words, f"--set {others}"] if others else words)


def revision() -> str:
    """Of the code, if git knows."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


# -- many seeds -------------------------------------------------------------------------------------


def _many(options: argparse.Namespace, kinds: Kinds) -> int:
    seeds = options.seeds or range(1, 101)
    began = time.monotonic()
    ends = began + 60 * options.minutes if options.minutes else float("inf")
    failed, done, tally = 0, 0, Tally()
    for result in _results(seeds, (kinds, options.set), options.jobs, ends):
        done += 1
        tally.update(result.tally)
        if not result.ok:
            failed += 1
            print(told(result), flush=True)
    print(summary(done, failed, time.monotonic() - began, tally))
    return 1 if failed else 0


def _results(seeds: range, given: Given, jobs: int, ends: float) -> Iterator[Result]:
    """As they come; never many more under way than there are processes."""
    waiting = iter(seeds)
    with ProcessPoolExecutor(jobs) as pool:
        under_way = {pool.submit(work, seed, given) for seed in islice(waiting, 2 * jobs)}
        while under_way:
            ready = next(as_completed(under_way))
            under_way.discard(ready)
            yield ready.result()
            following = next(waiting, None)
            if following is not None and time.monotonic() < ends:
                under_way.add(pool.submit(work, following, given))


def work(seed: int, given: Given) -> Result:
    """One seed; now and then twice."""
    result = runs.run(seed, _dials(seed, *given))
    if seed % TWICE_EVERY == 0 and result.ok:
        again = hash_elsewhere(seed, given)
        if again != result.trace_hash:
            result.law = "determinism"
            result.what = f"trace {result.trace_hash}, under another hash seed {again}"
    return result


def hash_elsewhere(seed: int, given: Given = (None, ""), hash_seed: int = 4711) -> str:
    """The trace of this seed in a fresh process with another PYTHONHASHSEED."""
    asked = [sys.executable, "-m", "tests.simulation.main", "--hash-only", "--seed", str(seed)]
    kinds, changes = given
    asked += [f"--set={changes}"] if changes else []
    asked += [f"--faults={','.join(kinds) or NONE}"] if kinds is not None else []
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    found = subprocess.run(
        asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def summary(done: int, failed: int, seconds: float, tally: Tally) -> str:
    """Figures of the whole run."""
    per_seed = {
        name.removeprefix("fault/"): count / max(1, done)
        for name, count in sorted(tally.items())
        if name.startswith("fault/")
    }
    calls = sum(count for name, count in tally.items() if name.startswith("call/"))
    return "\n".join(
        (
            f"{done} seeds, {failed} failed; {done / max(seconds, 1e-9):.2f} seeds/s; "
            f"{sum(per_seed.values()):.0f} faults and {calls / max(1, done):.0f} calls per seed",
            "faults per seed: " + "  ".join(f"{k} {v:.1f}" for k, v in per_seed.items()),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
