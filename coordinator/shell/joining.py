"""How a member comes to a cluster that is founded already: with an empty directory, after it was added by command.

It introduces itself to all it knows, and to all that those name, until one of them says under which id it may join.
The leader has noted the storage id of its directory by then (D11); the rest it gets as a learner, by snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from coordinator.shell.logs import Log
from coordinator.wire.v1.internal_pb2 import Introduction


class Admitted(NamedTuple):
    """Which cluster, and as whom."""

    cluster_id: str
    member_id: int


def admitted(founded: Iterable[Introduction]) -> Admitted | None:
    """Whether one of the founded members says that we may join."""
    for said in founded:
        if said.admission.member_id:
            return Admitted(said.cluster_id, said.admission.member_id)
    return None


def tell_what_keeps_us_out(log: Log, founded: Sequence[Introduction]) -> bool:
    """One line, of what founded members say; False if they say nothing."""
    refused = next((said.admission.refused for said in founded if said.admission.refused), "")
    waits_for = next((said.admission.waits_for for said in founded if said.admission.waits_for), "")
    if refused:
        log.error("refused by its cluster", reason=refused)
    elif waits_for:
        log.info("waiting to join", cluster_id=founded[0].cluster_id, missing=waits_for)
    return bool(refused or waits_for)


def named_by(founded: Iterable[Introduction]) -> dict[str, str]:
    """Name -> address of all that the founded members know."""
    named: dict[str, str] = {}
    for said in founded:
        for text in said.admission.members:
            name, _, address = text.partition("=")
            named.setdefault(name, address)
    return named
