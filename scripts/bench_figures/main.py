"""`scripts/bench [NAME...]`: measures, and prints one JSON line per figure."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from coordinator.client import ClientError
from scripts.bench_figures import (
    asking,
    commands,
    idle,
    kills,
    large,
    lifecycles,
    machine,
    placing,
    schedules,
    sessions,
    writes,
)
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import own_cpu_s
from scripts.bench_figures.figure import print_line
from scripts.bench_figures.processes import CHECKOUT, TICKS_PER_S, Died, TimedOut, note

ENTRIES: tuple[Entry, ...] = (
    *machine.FIGURES,
    *writes.FIGURES,
    *lifecycles.FIGURES,
    *idle.FIGURES,
    *kills.FIGURES,
    *asking.FIGURES,
    *commands.FIGURES,
    *placing.FIGURES,
    *large.FIGURES,
    *sessions.FIGURES,
    *schedules.FIGURES,
)
TRIES = 2
EXIT_MISSED, EXIT_USAGE, EXIT_FAILED = 1, 2, 70

EXPLAINED = """
Each figure is one JSON object on a line of its own:

  figure, unit     its name and the unit of every number
  median, min, max, n     of n samples; p99 where there are enough of them
  at_least, aim    the bound that must be met and the one that is meant (at_least_p99, at_least_max: of these)
  met              whether the bounds of at_least hold; missing where there is none
  others_cores     what processes that are not ours used meanwhile: above 0.2 the figure says little
  spin_ms          a million turns of a plain loop, before and after: how fast the machine itself was meanwhile
  cpu_us_per_...   processor time of one write or task, by who used it; `caller` is the load itself

Every cluster has 3 coordinators and 3 nodes on this machine with default settings, writes to the disk of the
checkout, and is gone afterwards. Notes go to stderr. The exit status is 1 if a bound was missed, 70 if a figure
could not be measured.

figures:
"""


def explained(entry: Entry) -> str:
    """One line for the help: what is measured, and what comes with it."""
    what = (entry.measure.__doc__ or "").splitlines()[0]
    return what + (f" Prints {', '.join(entry.also)} as well." if entry.also else "")


def parser() -> argparse.ArgumentParser:
    """The command line; its help lists every figure."""
    lines = [f"  {e.name:32}{explained(e)}" for e in ENTRIES]
    made = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the figures that ptasks promises.",
        epilog=textwrap.dedent(EXPLAINED) + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", metavar="NAME", nargs="*", help="figures (default: all)")
    made.add_argument(
        "--quick",
        action="store_true",
        help="leave out what needs 100,000 tasks or 1,000 sessions; under four minutes",
    )
    return made


def chosen(names: Sequence[str], *, quick: bool) -> list[Entry]:
    """Those asked for, in our order. Raises SystemExit for a name that is none."""
    known = [name for entry in ENTRIES for name in entry.names]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"bench: no figure {', '.join(unknown)}; there are:", file=sys.stderr)
        print("\n".join(f"  {name}" for name in known), file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    if names:
        return [entry for entry in ENTRIES if set(entry.names) & set(names)]
    return [entry for entry in ENTRIES if not (quick and entry.is_large)]


class Others:
    """What the processor did meanwhile for anybody but us. Short-lived processes of ours count as others."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._began = time.monotonic()
        self._busy = _busy_s()
        self._ours = bench.cpu_seconds() + own_cpu_s()

    def cores(self) -> float:
        """Cores, on average since the beginning."""
        ours = self._bench.cpu_seconds() + own_cpu_s() - self._ours
        busy = _busy_s() - self._busy
        return round(max(0.0, busy - ours) / (time.monotonic() - self._began), 2)


def _busy_s() -> float:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, fields)
    return (user + nice + system + irq + softirq) / TICKS_PER_S


def run(entry: Entry, bench: Bench) -> bool:
    """Measure and print; whether all bounds were met."""
    began = time.monotonic()
    spin = machine.spin_ms()
    others = Others(bench)
    met = True
    for figure in entry.measure(bench):
        line = figure.line()
        line["others_cores"] = others.cores()
        line["spin_ms"] = [spin, machine.spin_ms()]
        print_line(line)
        met = met and line.get("met") is not False
    note(f"{entry.name} took {time.monotonic() - began:.0f} s")
    return met


def run_all(entries: Sequence[Entry], bench: Bench) -> int:
    """The exit status. A figure that cannot be measured does not keep the others from being so."""
    status = 0
    for entry in entries:
        met = _tried(entry, bench)
        if met is None:
            status = EXIT_FAILED
        elif not met:
            status = status or EXIT_MISSED
    return status


def _tried(entry: Entry, bench: Bench) -> bool | None:
    """Whether the bounds were met; None if it could not be measured, even with a fresh cluster."""
    for _ in range(TRIES):
        try:
            return run(entry, bench)
        except (TimedOut, Died, OSError, ValueError, ClientError, grpc.RpcError) as error:
            note(f"{entry.name} could not be measured: {type(error).__name__}: {error}")
            bench.end_cluster()
    return None


def main(arguments: Sequence[str]) -> int:
    """Everything that was started is ended, and its directory removed, however we end."""
    asked = parser().parse_args(arguments)
    entries = chosen(asked.names, quick=asked.quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    base = CHECKOUT / "build"
    base.mkdir(exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    note(f"working in {root}")
    bench = Bench(root, quick=asked.quick)
    try:
        return run_all(entries, bench)
    except KeyboardInterrupt:
        return 130
    finally:
        bench.end_cluster()
        shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
