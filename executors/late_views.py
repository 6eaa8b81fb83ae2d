"""Task views whose params are JSON until somebody looks at them: most answers need none, and some are large."""

from __future__ import annotations

import json
from collections.abc import Mapping

from typing_extensions import override

from executors.views import TaskView


class LateTaskView(TaskView):
    """A TaskView that keeps its params as bytes. Each look decodes them anew, so nothing that is done to them stays."""

    _json: bytes

    def __init__(self, facts: TaskView, params_json: bytes) -> None:
        """`facts` gives all but the params. What is no JSON object counts as empty."""
        vars(self).update(vars(facts), _json=params_json)

    @property
    @override
    def params(self) -> Mapping[str, object]:
        """Decoded from JSON."""
        try:
            value = json.loads(self._json or b"{}")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}
