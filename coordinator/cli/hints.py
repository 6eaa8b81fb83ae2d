"""The third line of an error: what to try, by the reason (EX-8). Pure; only commands that there are may stand here."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Final

from coordinator.client.errors import ClientError

Make = Callable[[ClientError, str], str]

_NOUNS: Final = ("node", "executor", "cluster", "dev", "context", "completion", "schedule")
_LISTS: Final = {
    "task": "list --all",
    "member": "cluster members",
    "setting": "cluster settings",
    "node": "node list",
    "executor": "executor list",
}
_SMALLER: Final = {
    "params": "keep the data elsewhere, and give its place in the params",
    "tasks": "send fewer in one call",
    "headers": "give fewer or shorter headers",
    "reason": "give a shorter --reason",
}


def hint_for(error: ClientError, doing: str) -> str:
    """What may help against `error`; `doing` is verb and name, as in `start demo.noop`."""
    made = _BY_REASON.get(error.reason, _help)
    return made if isinstance(made, str) else made(error, doing)


def verb_of(doing: str) -> str:
    """`node drain n1` -> `node drain`, `start x` -> `start`."""
    words = doing.split()
    return " ".join(words[: 2 if words[:1] and words[0] in _NOUNS else 1])


def name_of(doing: str) -> str:
    """The name that `doing` ends with, in the spelling of a shell; empty if there is none."""
    name = doing.removeprefix(verb_of(doing)).strip(" ")
    return shlex.quote(name) if name else ""


def schema_hint(executor: str) -> str:
    """Where to see which parameters an executor takes."""
    name = shlex.quote(executor) if executor else ""
    command = f"executor schema {name}" if name else "executor list"
    return f"see what it takes with: taskctl {command}"


def _help(_error: ClientError, doing: str) -> str:
    return f"see what it takes with: taskctl {f'{verb_of(doing)} --help'.strip()}"


def _schema(error: ClientError, _doing: str) -> str:
    return schema_hint(error.metadata.get("executor", ""))


def _validate(error: ClientError, _doing: str) -> str:
    name = error.metadata.get("executor", "")
    if not name:
        return schema_hint("")
    return (
        "change the params; try them without starting anything: "
        f"taskctl executor validate {shlex.quote(name)} -p K=V"
    )


def _smaller(error: ClientError, _doing: str) -> str:
    field, limit = error.metadata.get("field", ""), error.metadata.get("limit", "")
    most = f"; at most {limit} bytes are taken" if limit else ""
    return _SMALLER.get(field, f"make {field or 'it'} smaller") + most


def _look(_error: ClientError, doing: str) -> str:
    name = name_of(doing)
    return f"look at it with: taskctl {f'get {name}' if name else 'list --all'}"


def _there_is(error: ClientError, doing: str) -> str:
    kind = error.reason.removesuffix("_not_found")
    is_there = error.metadata.get("task_exists") != "no"
    name = name_of(doing.rpartition("#")[0] or doing) if kind == "run" and is_there else ""
    command = f"history {name}" if name else _LISTS.get(kind, "list --all")
    return f"see what there is with: taskctl {command}"


def _later(_error: ClientError, doing: str) -> str:
    name = name_of(doing) or "ID"
    return f"once more afterwards, or in its place: taskctl run-now {name} --queue, or --replace"


def _pending(error: ClientError, doing: str) -> str:
    if not doing.startswith("cluster "):
        return _look(error, doing)
    return (
        "wait for it; an addition is called off with: taskctl cluster remove NAME; "
        "see: taskctl cluster members"
    )


def _fewer(_error: ClientError, doing: str) -> str:
    if doing.startswith("cluster "):
        return "put it in the place of another: taskctl cluster replace OLD NAME=ADDRESS"
    return "cancel or remove what is not needed; see it with: taskctl list --all"


_BY_REASON: Final[dict[str, str | Make]] = {
    "invalid_params": _schema,
    "validation_failed": _validate,
    "too_large": _smaller,
    "invalid_field": _help,
    "invalid_schedule": "try it without starting anything: taskctl schedule preview --cron '30 2 * * *' --tz Europe/Berlin",
    "unknown_dependency": "see what there is with: taskctl list --all",
    "already_running": _later,
    "invalid_page_token": "begin with the first page",
    **{f"{kind}_not_found": _there_is for kind in (*_LISTS, "run")},
    "request_id_reused": "leave --request-id out for something new, or repeat the first request as it was",
    "node_name_in_use": "see who has it with: taskctl node list",
    **dict.fromkeys(
        (
            "stale_allocation",
            "already_finished",
            "paused",
            "state_in_use",
            "parent_ended",
            "not_recurring",
            "not_assigned",
            "not_here",
            "call_failed",
        ),
        _look,
    ),
    "declared": "cancel it without --purge, or turn its switch off; see: taskctl cluster settings",
    "change_pending": _pending,
    "would_lose_quorum": "start what is down, or put another in its place first; see: taskctl cluster members",
    "already_exists": "see who is there with: taskctl cluster members",
    "stale_incarnation": "look at it again with: taskctl node list",
    "unplaceable": "leave --require-assignment out and it waits for a node; see them with: taskctl node list",
    "choice_stale": "repeat it: the cluster changed meanwhile",
    "limit_reached": _fewer,
    **dict.fromkeys(("overloaded", "rate_limited", "too_many_watches"), "repeat it in a moment"),
    "disk_full": "free space where the coordinators keep their data; writes go on by themselves then",
    "feature_level": "see who cannot follow yet with: taskctl cluster upgrade --dry-run",
    "not_supported": "compare releases with: taskctl version --server",
    "wrong_cluster": "see where you are with: taskctl cluster status; name another with --addr or --context",
    **dict.fromkeys(
        ("forbidden", "unauthenticated", "node_mismatch"),
        "choose another context with --context; see them with: taskctl context list",
    ),
    **dict.fromkeys(
        ("internal", "unexpected"), "repeat it with -vv, and report what it prints and the logs say"
    ),
}
