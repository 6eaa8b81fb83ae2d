"""Rows about raftos as it stands: can it be installed, does it run."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.raftos_evidence.rows import Row, Seen, Trial

INSTALL_SECONDS_MAX = 240


async def cannot_be_installed(trial: Trial) -> Seen:
    """Each supported Python that is on this machine tries, in an environment of its own."""
    verdicts: dict[str, bool] = {}
    reasons: set[str] = set()
    for minor in (11, 12, 13):
        python = shutil.which(f"python3.{minor}")
        if python is None or not _starts(python):
            continue
        failed, reason = await asyncio.to_thread(_try_install, python, trial.work / f"3.{minor}")
        verdicts[f"3.{minor}"] = failed
        reasons |= {reason} if reason else set()
    if not verdicts:
        failed, reason = await asyncio.to_thread(_try_install, sys.executable, trial.work / "this")
        verdicts[f"3.{sys.version_info.minor}"] = failed
        reasons |= {reason} if reason else set()
    tried = ", ".join(f"{v} {'fails' if bad else 'SUCCEEDS'}" for v, bad in verdicts.items())
    why = f" ({'; '.join(sorted(reasons))})" if reasons else ""
    return Seen(f"{tried}{why}", all(verdicts.values()))


def _starts(python: str) -> bool:
    done = subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False)
    return done.returncode == 0


def _try_install(python: str, place: Path) -> tuple[bool, str]:
    subprocess.run([python, "-m", "venv", str(place)], check=True, capture_output=True)
    command = [str(place / "bin/python"), "-m", "pip", "install", "--no-input", "raftos==0.2.6"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS_MAX
    )
    said = done.stdout + done.stderr
    pins = [pin for pin in ("cryptography==1.5.3", "msgpack-python==0.4.8") if pin in said]
    return done.returncode != 0, f"pins {' and '.join(pins)}" if pins else ""


async def does_not_run(trial: Trial) -> Seen:
    """Three calls any user makes first, with today's Python and msgpack and no shim."""
    import raftos
    from raftos.serializers import JSONSerializer, MessagePackSerializer

    raftos.configure({"log_path": str(trial.work), "serializer": JSONSerializer})
    errors = []
    try:
        await raftos.register("127.0.0.1:0", cluster=[])
    except TypeError as error:
        errors.append(f"register: {error}")
    try:
        MessagePackSerializer.unpack(MessagePackSerializer.pack({"n": 1}))
    except TypeError as error:
        errors.append(f"unpack: {error}")
    try:
        await raftos.ReplicatedDict(name="d").update({"n": 1})
    except TypeError as error:
        errors.append(f"update: {error}")
    return Seen("TypeError in " + "; ".join(errors), len(errors) == 3)


ROWS = (
    Row("cannot be installed", "pip install raftos==0.2.6", cannot_be_installed),
    Row("does not run without shims", "register, unpack, ReplicatedDict.update", does_not_run),
)
