"""What leaders may believe of others' logs: what those have said in that leader's own term, and no more (C3, C7)."""

from __future__ import annotations


class Acknowledgements:
    """Every acknowledgement ever sent, whatever became of it on its way."""

    def __init__(self) -> None:
        self._said: dict[tuple[int, int, int], int] = {}  # (term, sender, to) -> highest index

    def said(self, term: int, sender: int, to: int, index: int) -> None:
        """A member tells another that its log is that of the leader of this term, up to the index."""
        key = (term, sender, to)
        self._said[key] = max(index, self._said.get(key, 0))

    def objection(self, term: int, leader: int, member: int, match: int) -> str:
        """Why the leader of that term cannot know that the member holds its log up to `match`; '' if it can."""
        known = self._said.get((term, member, leader), 0)
        if match <= known:
            return ""
        return f"c{leader} leads {term} and believes c{member} at {match}; in that term it was told of {known}"
