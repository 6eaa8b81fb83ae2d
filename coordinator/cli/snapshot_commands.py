"""`taskctl cluster snapshot save`: the cluster at one revision, as a file (EX-79)."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.failures import Failure, usage
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.session import Session, session_of
from coordinator.cli.snapshot_file import WholeFile
from coordinator.cli.texts import lasted

if TYPE_CHECKING:
    from coordinator.client.backups import Saved

_HERE = "coordinator.cli.snapshot_commands"
_SHOW_EVERY_S = 0.2
_MIB = 1024 * 1024

snapshot = LazyGroup(
    name="snapshot",
    help="Backups of the cluster. To look at one: task-coordinator snapshot inspect FILE",
    entries={"save": Entry(_HERE, "save", "Write the cluster at one revision to a file.")},
)


@click.command("save", cls=Verb)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Seal it under the key in this file (16 bytes or more); a restore needs the same.",
)
@click.option("--no-history", is_flag=True, help="Tasks only, without their past runs.")
@click.pass_context
def save(ctx: click.Context, /, file: Path, **flags: Any) -> int:
    """Write the cluster at one revision to a file, while work goes on. Holds params and state: keep it safe."""
    session = session_of(ctx)
    session.doing = f"cluster snapshot save {file}"
    key = _key(session, flags["key_file"])
    with WholeFile(file, session.doing, replace=flags["force"]) as target:
        return session.run(lambda: _save(session, target, key, history=not flags["no_history"]))


async def _save(session: Session, target: WholeFile, key: bytes | None, *, history: bool) -> int:
    from coordinator.client.backup_file import BackupError

    progress, began = Progress(), time.monotonic()
    try:
        saved = await session.client.cluster.backup(
            target, key=key, history=history, read=session.read, on_progress=progress.show
        )
    except BackupError as error:
        raise Failure(f"{session.doing}: the file came in damaged", why=str(error)) from error
    finally:
        progress.clear()
    target.publish()
    _tell(session, target.path, saved, round((time.monotonic() - began) * 1000))
    return exits.OK


def _tell(session: Session, path: Path, saved: Saved, took_ms: int) -> None:
    from coordinator.client.backups import view_of

    view = view_of(str(path), saved.size, saved.header, saved.totals)

    def text() -> str:
        header = saved.header
        how = "stale, as " + header.member + " had it" if header.is_stale else header.member
        return (
            f"{path}  revision {header.revision} of cluster {header.cluster_id} ({how}), "
            f"{size_text(saved.size)} in {lasted(took_ms)}\n"
            f"look at it with: task-coordinator snapshot inspect {path}"
        )

    session.out.single("Snapshot", saved.answer, view, str(path), text)


def _key(session: Session, path: Path | None) -> bytes | None:
    from coordinator.client.backup_file import key_of

    if path is None:
        return None
    try:
        return key_of(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise usage(f"{session.doing}: --key-file: {path}: {why}") from error


def size_text(size: int) -> str:
    """`812 bytes`, `3.4 KiB`, `12.0 MiB`."""
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.1f} KiB" if size < _MIB else f"{size / _MIB:.1f} MiB"


class Progress:
    """How far it is, on one line of a terminal; elsewhere nothing."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._shown_at = 0.0

    def show(self, size: int) -> None:
        """That many bytes by now."""
        now = time.monotonic()
        if self._on_terminal and now - self._shown_at >= _SHOW_EVERY_S:
            self._shown_at = now
            sys.stderr.write(f"\r{size_text(size)} saved\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """The line is free again."""
        if self._shown_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
