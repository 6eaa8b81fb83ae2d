"""`taskctl`: the entry, and the one place where errors become words and exit codes.

click is imported only when there is something to parse: `taskctl version` is asked by scripts, in loops.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.cli import exits

if TYPE_CHECKING:
    from coordinator.cli.failures import Failure
    from coordinator.cli.flags import Given

COMPLETE_VARIABLE = "_TASKCTL_COMPLETE"
_FORMS = {"TASKCTL_OUTPUT", "TASKCTL_QUIET"}  # they change what `version` prints


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Entry point of the console script."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if args == ["version"] and not _FORMS & os.environ.keys():
        from coordinator.cli.version_text import short_version

        print(short_version())
        return exits.OK
    if COMPLETE_VARIABLE in os.environ:
        return _complete()
    from coordinator.cli.flags import Given
    from coordinator.cli.lazy import PipeClosed

    given = Given()
    try:
        code = _run(args, given)
        sys.stdout.flush()
    except (PipeClosed, BrokenPipeError):
        from coordinator.cli.session import silence_stdout

        silence_stdout()
        return exits.OK
    return code


def _complete() -> int:
    """A shell asks what could come next: whatever goes wrong, say nothing."""
    try:
        from coordinator.cli.tree import root

        root.main([], prog_name="taskctl", complete_var=COMPLETE_VARIABLE, standalone_mode=False)
    except BaseException:  # noqa: BLE001  (click ends by SystemExit; a shell's prompt is no place for errors)
        return exits.OK
    return exits.OK


def _run(args: list[str], given: Given) -> int:
    """The exit code of a command, its error told."""
    import click

    from coordinator.cli.lazy import PipeClosed
    from coordinator.cli.tree import root

    try:
        result = root.main(args, prog_name="taskctl", standalone_mode=False, obj=given)
        return result if isinstance(result, int) else exits.OK
    except PipeClosed:
        raise
    except (KeyboardInterrupt, click.Abort):
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the border: whatever it is, the user gets three lines)
        from coordinator.cli.boundary import failure_of

        failure = failure_of(error, given)
        _tell(failure, given)
        return failure.exit_code


def _tell(failure: Failure, given: Given) -> None:
    said = given.get("output") if given.session is None else given.session.output_form
    if said in ("json", "jsonl"):
        from coordinator.client.serializer import envelope, to_json

        sys.stderr.write(to_json(envelope("Error", None, failure.fields())) + "\n")
        return
    sys.stderr.write(failure.lines())


if __name__ == "__main__":
    sys.exit(main())
