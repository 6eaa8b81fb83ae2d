"""Seeds that nobody has tried yet: drawn once per test run, and printed at its head."""

from __future__ import annotations

import secrets

FRESH = tuple(secrets.randbelow(2**31) for _ in range(50))
