"""A dry run says that it was one, and what it would have come to (EX-5, X20)."""

from __future__ import annotations

import json

from tests.unit.api.house import NOOP, Doors, doors
from tests.unit.cli.conftest import Typed

SAID = "  (dry run: nothing was written)\n"


async def dry(typed: Typed, at: Doors, *args: str) -> tuple[str, dict[str, object]]:
    """What it prints, as text and as JSON; nothing may move."""
    before = at.house.replica.state.revision
    told = await typed(at, *args, "--dry-run")
    as_json = await typed(at, *args, "--dry-run", "-o", "json")
    assert (told.code, as_json.code, as_json.err) == (0, 0, "")
    assert at.house.replica.state.revision == before
    return told.out, json.loads(as_json.out)


async def test_x20_a_pause_of_an_executor(typed: Typed) -> None:
    async with doors() as at:
        await at.node()
        text, tree = await dry(typed, at, "executor", "pause", NOOP, "--reason", "r")
        assert (text, tree["dry_run"]) == (f"{NOOP}: paused{SAID}", True)
        assert (await typed(at, "executor", "pause", NOOP, "--reason", "r")).out == (
            f"{NOOP}: paused\n"
        )
        text, _ = await dry(typed, at, "executor", "resume", NOOP)
        assert text.endswith(SAID)


async def test_x20_a_limit(typed: Typed) -> None:
    async with doors() as at:
        await at.node()
        text, tree = await dry(typed, at, "limit", "set", NOOP, "--max", "3")
        assert (text, tree["dry_run"]) == (f"{NOOP}: changed{SAID}", True)
        text, tree = await dry(typed, at, "limit", "rm", NOOP)
        assert (text, tree["unchanged"]) == (f"{NOOP}: unchanged{SAID}", True)


async def test_x20_settings_show_what_is_and_what_would_be(typed: Typed) -> None:
    async with doors() as at:
        wish = ("cluster", "set", "retry.max_attempts=7", "retry.cap=9m")
        text, tree = await dry(typed, at, *wish)
        assert text.splitlines()[0].split()[:4] == ["KEY", "VALUE", "NEW", "VALUE"]
        items = tree["items"]
        assert isinstance(items, list)
        news = {item["key"]: item["new_value"] for item in items}
        assert news == {"retry.max_attempts": "7", "retry.cap": "9m"}
        assert all(item["dry_run"] and item["value"] != item["new_value"] for item in items)
        assert "dry run: nothing was written" in (await typed(at, *wish, "--dry-run")).err
        assert (await typed(at, *wish)).code == 0
        text, _ = await dry(typed, at, "cluster", "unset", "retry.max_attempts")
        assert text.splitlines()[1].split()[:3] == ["retry.max_attempts", "7", "3"]
