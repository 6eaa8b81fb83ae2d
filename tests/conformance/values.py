"""What directives have in common: numbers, truth values, operations on the configuration, errors with a text."""

from __future__ import annotations

from coordinator.consensus.messages import ConfChangeOp, ConfChangeSingle

_OPS = {
    "v": ConfChangeOp.ADD_VOTER,
    "l": ConfChangeOp.ADD_LEARNER,
    "r": ConfChangeOp.REMOVE,
    "u": ConfChangeOp.UPDATE,
}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class Refused(Exception):
    """A directive ends with this text as its output."""


def truth(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Refused(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def operations(text: str) -> tuple[ConfChangeSingle, ...]:
    """`v1 l2 r3 u4`: operations separated by blanks."""
    return tuple([_operation(token) for token in text.split()])


def _operation(token: str) -> ConfChangeSingle:
    if len(token) < 2:
        raise Refused(f"unknown token {token}")
    if token[0] not in _OPS:
        raise Refused(f"unknown input: {token}")
    if not (token[1:].isascii() and token[1:].isdigit()):
        raise Refused(f'strconv.ParseUint: parsing "{token[1:]}": invalid syntax')
    return ConfChangeSingle(_OPS[token[0]], int(token[1:]))
