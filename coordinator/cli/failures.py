"""Errors as operators see them: what failed, why, what to try (EX-8). First lines stay put (EX-21).

A `Failure` is the finished text with its exit code; `describe` makes it from an error of the client. Scripts match on
the first line and on the reason, so texts here are changed as carefully as names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from coordinator.cli import exits
from coordinator.cli.hints import hint_for, name_of
from coordinator.cli.texts import one_line
from coordinator.client.errors import ClientError, transport_words


class Failure(Exception):
    """A command that failed, in the words of its user."""

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        hint: str = "",
        exit_code: int = exits.BUG,
        reason: str = "usage",
        error: ClientError | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint
        self.exit_code = exit_code
        self.reason = reason
        self.code = error.code if error is not None else ""
        self.request_id = (error.request_id if error is not None else "") or None
        self.details: dict[str, object] = dict(error.metadata) if error is not None else {}

    def lines(self) -> str:
        """The three lines; a line that has nothing to say is left out."""
        rows = (("error:", self.what), ("why:  ", self.why), ("try:  ", self.hint))
        return "".join(f"{label} {one_line(text)}\n" for label, text in rows if text)

    def fields(self) -> dict[str, object]:
        """The fields of kind `Error`."""
        return {
            "code": self.code,
            "reason": self.reason,
            "message": self.what,
            "hint": self.hint,
            "exit_code": self.exit_code,
            "details": self.details,
            "request_id": self.request_id,
        }


def usage(what: str, *, why: str = "", hint: str = "") -> Failure:
    """Wrong usage: exit 2, nothing done."""
    return Failure(what, why=why, hint=hint, exit_code=exits.USAGE)


class Census(NamedTuple):
    """Who answered when a command had found no leader. Names where known, addresses elsewhere."""

    answering: tuple[str, ...]
    members: int
    silent_ms: int  # since the answering members last heard a leader

    @property
    def needed(self) -> int:
        """A majority."""
        return self.members // 2 + 1


class Words(NamedTuple):
    """The three parts of a message."""

    what: str
    why: str = ""
    hint: str = ""


def describe(error: ClientError, doing: str, census: Census | None = None) -> Failure:
    """The failure that tells of `error`; `doing` is verb and name, as in `start demo.noop`."""
    if error.reason == "unavailable":
        words = _unavailable(error, doing, census)
    else:
        words = _WORDS.get(error.reason, _anything)(error, doing)
    failure = Failure(
        words.what,
        why=words.why or _reason_and_text(error),
        hint=words.hint or hint_for(error, doing),
        exit_code=exits.code_of(error),
        reason=error.reason,
        error=error,
    )
    if census is not None:
        failure.details["members"] = f"{len(census.answering)}/{census.members}"
    return failure


def _text(error: ClientError) -> str:
    """The server's text, which may begin with the reason."""
    return error.message.removeprefix(error.reason).lstrip(": ")


def _reason_and_text(error: ClientError) -> str:
    text = _text(error)
    return f"{error.reason}: {text}" if text else error.reason


def _found(pattern: str, error: ClientError) -> str:
    """A part of the server's text, for what its metadata does not hold."""
    match = re.search(pattern, error.message)
    return match.group(1) if match is not None else ""


def _unavailable(error: ClientError, doing: str, census: Census | None) -> Words:
    answering = len(census.answering) if census is not None else 0
    if census is None or answering == 0:
        error.metadata["cause"] = "unreachable"
        return Words(
            f"cannot reach {error.member}: {transport_words(error.message)}; is the cluster up?",
            f"unavailable (unreachable): no coordinator answers {doing}. Nothing was written.",
            "taskctl dev up, or name the cluster with --addr or --context",
        )
    cause = "no_quorum" if answering < census.needed else error.cause or "no_leader"
    error.metadata["cause"] = cause
    count = (
        f"{answering} of {census.members} coordinators {'answers' if answering == 1 else 'answer'}"
    )
    silent = f", no leader for {round(census.silent_ms / 1000)} s" if census.silent_ms else ""
    names = ", ".join(census.answering)
    return Words(
        f"{doing}: {cause.replace('_', ' ')}",
        f"unavailable ({cause}): {count} ({names}), {census.needed} are needed; "
        f"asked {names}{silent}. Nothing was written.",
        "start the others, then repeat; see them with: taskctl cluster status"
        if cause == "no_quorum"
        else "repeat in a moment; see the members with: taskctl cluster status",
    )


def _anything(error: ClientError, doing: str) -> Words:
    """For reasons without words of their own: the server's text, or the reason where it gave none."""
    return Words(f"{doing}: {_text(error) or error.reason.replace('_', ' ')}", error.reason)


def _taken(error: ClientError, doing: str) -> Words:
    if doing.startswith("cluster "):
        return Words(f"{doing}: {_text(error)}", error.reason)
    fields = error.metadata.get("fields", "") or error.metadata.get("differs", "")
    return Words(
        f"{doing}: id is taken by a task with another spec" + (f" ({fields})" if fields else ""),
        hint=f"look at it with: taskctl get {name_of(doing)}; or use another --id",
    )


def _unknown_executor(error: ClientError, doing: str) -> Words:
    name = error.metadata.get("executor") or _found(r"offered (\S+?);", error)
    name = name or doing.rpartition(" ")[2]
    told = error.metadata.get("known", "")
    known = [] if told.startswith("none") else [word.strip() for word in told.split(",") if word]
    listed = ", ".join(known) or "none"
    return Words(
        f"{doing.partition(' ')[0]} {name}: no node ever offered this executor{_mean(name, known)}",
        f"unknown_executor: known are {listed}",
        "see them with: taskctl executor list",
    )


def _mean(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"; did you mean {close[0]}?" if close else ""


def _invalid_params(error: ClientError, doing: str) -> Words:
    if not error.violations:
        return Words(f"{doing}: {_text(error)}")
    field, text = error.violations[0]
    where = field if field == "params" or field.startswith("params") else f"params.{field}"
    every = "; ".join(f"{name}: {said}" for name, said in error.violations)
    return Words(f"{doing}: {where}: {text}", f"{error.reason}: {every}")


def _moved_on(error: ClientError, doing: str) -> Words:
    current = error.metadata.get("current") or _found(r"revision is (\d+)", error) or "another one"
    expected = error.metadata.get("expected", "")
    told = f"{doing}: revision is {current}" + (f", you expected {expected}" if expected else "")
    return Words(told, hint="look at it again with: taskctl get, then repeat with --if-revision")


_WITH_A_RUN = ("assigned", "running")


def _not_finished(error: ClientError, doing: str) -> Words:
    status = error.metadata.get("status") or _found(r"task is (\w+)", error) or "running"
    name = name_of(doing) or "ID"
    if doing.startswith("retry"):
        begin = f", or end this run and begin another: taskctl cancel {name} --run --rerun"
        hint = f"wait for its end: taskctl wait {name}{begin if status in _WITH_A_RUN else ''}"
        return Words(f"{doing}: it has not failed; it is {status}", hint=hint)
    return Words(
        f"{doing}: still {status}; cancel it first", hint=f"taskctl cancel {name} --wait, then rm"
    )


def _not_found(error: ClientError, doing: str) -> Words:
    return Words(f"{doing}: no such {error.reason.removesuffix('_not_found')}")


def _outcome_unknown(error: ClientError, doing: str) -> Words:
    return Words(
        f"{doing}: outcome unknown; repeat with --request-id {error.request_id} to find out",
        f"outcome_unknown: {error.message}; asked {error.member}",
        "the same command with that --request-id: it is done once at most",
    )


def _timed_out(error: ClientError, doing: str) -> Words:
    return Words(
        f"{doing}: time ran out", f"timed_out: {_text(error)}", "allow more with --timeout"
    )


def _reset(error: ClientError, doing: str) -> Words:
    oldest = error.metadata.get("oldest_revision", "?")
    return Words(
        f"{doing}: that revision is no longer kept; the oldest is {oldest}",
        hint="begin anew with --or-restart",
    )


_WORDS: dict[str, Callable[[ClientError, str], Words]] = {
    "already_exists": _taken,
    "unknown_executor": _unknown_executor,
    "invalid_params": _invalid_params,
    "validation_failed": _invalid_params,
    "revision_mismatch": _moved_on,
    "not_finished": _not_finished,
    "task_not_found": _not_found,
    "run_not_found": _not_found,
    "node_not_found": _not_found,
    "member_not_found": _not_found,
    "executor_not_found": _not_found,
    "setting_not_found": _not_found,
    "outcome_unknown": _outcome_unknown,
    "timed_out": _timed_out,
    "compacted": _reset,
}
