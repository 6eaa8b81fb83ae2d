"""A pipe to a helper that fails as nobody expects costs one question, not all plugins (PT-44)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordinator.shell import plugins
from coordinator.shell.plugin_helper import Helper
from tests.unit.shell.test_plugins import running, written


class Closed:
    """As the pipes of the coordinator's loop behave when the process has ended a moment ago."""

    def write(self, _: bytes) -> None:
        raise RuntimeError("unable to perform operation on <WriteUnixTransport closed=True>")

    async def readexactly(self, _: int) -> bytes:
        raise LookupError("nobody expects this")

    async def read(self) -> bytes:
        return b""


@pytest.mark.parametrize("end", ["stdin", "stdout"])
async def test_pt_44_a_pipe_that_raises_what_it_likes_costs_one_question(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "PATIENCE_S", 60.0)
    async with running(written(tmp_path, "odd")) as rig:
        await rig.known()
        shared: Helper = rig.plugins._shared
        broken: Any = shared._process
        setattr(broken, end, Closed())
        first, second = rig.ask("validate", "ok"), rig.ask("validate", "ok")
        assert (await rig.answer(first)).kind == "error"
        assert (await rig.answer(second)).kind == "ok"
        assert "plugin process ended" in rig.lines.getvalue()
