"""One command's way to the cluster: settings put together, a client made from them, work run, the read-only rule kept.

Order of settings: flag, environment, context, default (EX-4). grpc is imported when a client is first asked for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from coordinator.cli import contexts, exits
from coordinator.cli.failures import Failure, usage
from coordinator.cli.flags import Given
from coordinator.cli.output import Output, Style, tell
from coordinator.cli.texts import Moments

if TYPE_CHECKING:
    from coordinator.client.calls import CallReport
    from coordinator.client.client import Client
    from coordinator.client.requests import ReadOptions

T = TypeVar("T")

DEFAULT_ADDRESSES = ("127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103")
DEFAULT_TIMEOUT_MS = 10_000


class Settings(NamedTuple):
    """What holds for this command."""

    addresses: tuple[str, ...]
    context: str | None
    timeout_ms: int | None  # None: nobody said
    stale: bool
    verbose: int
    yes: bool
    read_only: bool
    banner: str
    time_style: str
    style: Style


def settings_of(given: Given) -> Settings:
    """Flag, environment, context, default. Raises Failure for a context that does not exist."""
    name, values = _context(given)
    output = "name" if given.get("quiet") else given.get("output") or values.get("output")
    style = given.get("time") or values.get("time")
    addresses = given.get("addr") or values.get("addr") or ""
    return Settings(
        addresses=parse_addresses(addresses) or DEFAULT_ADDRESSES,
        context=name,
        timeout_ms=given.get("timeout"),
        stale=bool(given.get("stale")),
        verbose=int(given.get("verbose") or 0),
        yes=bool(given.get("yes")),
        read_only=bool(values.get("read_only")),
        banner=str(values.get("banner") or ""),
        time_style=style or ("relative" if sys.stdout.isatty() else "utc"),
        style=Style(
            form=output or "table",
            columns=tuple(word for word in (given.get("columns") or "").split(",") if word),
            sort=given.get("sort") or "",
            headers=not given.get("no_headers"),
            color=given.get("color") or "auto",
        ),
    )


def _context(given: Given) -> tuple[str | None, dict[str, Any]]:
    try:
        config = contexts.load()
    except contexts.ConfigError as error:
        raise usage(str(error), hint=f"mend or remove {contexts.config_path()}") from None
    name = given.get("context") or config.current
    if name is None:
        return None, {}
    if name not in config.contexts:
        known = ", ".join(sorted(config.contexts)) or "none"
        raise usage(f"no context {name}", hint=f"there are: {known}; see taskctl context list")
    return name, config.contexts[name]


def parse_addresses(text: str) -> tuple[str, ...]:
    """host:port, host:port. Raises Failure naming what is wrong."""
    addresses = tuple(part.strip() for part in text.split(",") if part.strip())
    for address in addresses:
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isdecimal() and int(port) < 65536):
            raise usage(f"--addr: {address} is not host:port", hint="--addr 127.0.0.1:7101")
    return addresses


class Session:
    """What a command works with. `doing` is verb and name, for the first line of an error."""

    def __init__(self, given: Given, verb: str) -> None:
        self.settings = settings_of(given)
        self.out = Output(self.settings.style)
        self.verb = verb
        self.doing = verb
        self._client: Client | None = None
        self._began = time.monotonic()

    @property
    def about(self) -> tuple[str, tuple[str, ...]]:
        """For errors: what was being done, and who was asked."""
        return self.doing, self.settings.addresses

    @property
    def output_form(self) -> str:
        """As `--output` has it."""
        return self.settings.style.form

    @property
    def read(self) -> ReadOptions:
        """How this command reads."""
        from coordinator.client.requests import ReadOptions

        return ReadOptions(stale=self.settings.stale)

    @property
    def moments(self) -> Moments:
        """Instants in the style asked for, as of now."""
        return Moments(self.settings.time_style, round(time.time() * 1000))

    @property
    def timeout_s(self) -> float | None:
        """The limit that the user gave, if any."""
        given = self.settings.timeout_ms
        return None if given is None else given / 1000

    @property
    def left_s(self) -> float | None:
        """What is left of that limit."""
        limit = self.timeout_s
        return None if limit is None else max(0.0, limit - (time.monotonic() - self._began))

    @property
    def call_timeout_s(self) -> float:
        """The limit of a command that does not wait for anything."""
        return (self.settings.timeout_ms or DEFAULT_TIMEOUT_MS) / 1000

    @property
    def client(self) -> Client:
        """The client, made on first use inside `run`."""
        if self._client is None:
            from coordinator.client.client import Client

            observer = self._tell_call if self.settings.verbose else None
            self._client = Client(
                self.settings.addresses, timeout_s=self.call_timeout_s, observer=observer
            )
            if self.left_s is not None:
                self._client.limit(self.left_s)
        return self._client

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a command's work to its end and close the client."""
        import asyncio

        async def whole() -> T:
            try:
                return await work()
            finally:
                if self._client is not None:
                    await self._client.close()
                    self._client = None

        return asyncio.run(whole())

    def guard_change(self, *, dry_run: bool = False) -> None:
        """Before a change: a read-only context refuses it, a banner is shown."""
        if self.settings.read_only and not dry_run:
            raise Failure(
                f"{self.doing}: not sent, context {self.settings.context} is read only",
                hint="choose another one with --context",
                exit_code=exits.FORBIDDEN,
                reason="read_only",
            )
        if self.settings.banner:
            tell(self.settings.banner)

    def confirm(self, question: str, answer: str) -> None:
        """Have `answer` typed, unless --yes. Without a terminal: exit 2, nothing done (EX-7)."""
        if self.settings.yes:
            return
        if not sys.stdin.isatty():
            raise usage(f"{self.doing}: not confirmed", why=question, hint="add --yes")
        tell(question)
        if click.prompt(f"type {answer} to go on", err=True, default="") != answer:
            raise usage(f"{self.doing}: not confirmed; nothing was done")

    def _tell_call(self, report: CallReport) -> None:
        request = f", request id {report.request_id}" if report.request_id else ""
        tell(
            f"{report.method} at {report.address}: {report.member or '?'} (leader "
            f"{report.leader or 'unknown'}, term {report.term}), revision {report.revision}, "
            f"{report.lasted_ms:.0f} ms, retries {report.retries}{request}"
        )


def session_of(ctx: click.Context) -> Session:
    """The session of the command being run; made once."""
    root = ctx.find_root()
    given = root.obj if isinstance(root.obj, Given) else Given()
    if isinstance(given.session, Session):
        return given.session
    verb = ctx.command_path.partition(" ")[2] or ctx.command_path
    given.session = session = Session(given, verb)
    return session


def silence_stdout() -> None:
    """The reader of our pipe has gone: let nothing be written at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
