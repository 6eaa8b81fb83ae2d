"""`python -m executors try NAME -p K=V`: one run of an executor in this process, without a cluster (EX-46).

Its time is the machine's. With `--kill-after`, the run is killed as `kill -9` would and the next one begins from what is
durable. Lines, progress and states go to stderr, the result to stdout; exit 0 for a success, 1 for any other end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from executors.durations import span_ms
from executors.errors import ValidationError
from executors.registry import Registry, load
from executors.testing.trying import Trial, params_of, try_out


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 success, 1 another end, 2 nothing was run."""
    given = _parser().parse_args(arguments)
    registry = load(given.executors)
    definition = registry.get(given.name)
    if definition is None:
        return _refused(_unknown(registry, given.name))
    try:
        params = params_of(definition.params.schema, given.params)
        kill_after = None if given.kill_after is None else span_ms(given.kill_after) / 1000
        trial = Trial(definition.make, params, kill_after)
        end = asyncio.run(try_out(trial, _say))
    except (ValidationError, ValueError) as error:
        return _refused(str(error))
    _say(f"{end.outcome} {end.reason} {end.error}".rstrip())
    if end.value is not None:
        sys.stdout.write(json.dumps(end.value) + "\n")
    return 0 if end.is_success else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m executors", description=__doc__)
    verbs = made.add_subparsers(required=True, metavar="try")
    one = verbs.add_parser("try", help="run an executor here, once")
    one.add_argument("name", help="the executor")
    one.add_argument("-p", dest="params", action="append", default=[], metavar="K=V")
    one.add_argument("--kill-after", metavar="D", help="kill the run after so long, and resume it")
    one.add_argument("--executors", action="append", default=[], metavar="MODULE[:CLASS]")
    return made


def _unknown(registry: Registry, name: str) -> str:
    problems = [f"{one.source}: {one.message}" for one in registry.load_errors]
    return "\n".join(
        (f"no executor {name}; there are {', '.join(registry.definitions)}", *problems)
    )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _refused(text: str) -> int:
    _say(f"error: {text}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
