"""Which failures of an HTTP request can pass, and when the other side wants to be asked again."""

from __future__ import annotations

import email.utils
import http.client
import ssl
from datetime import UTC, datetime
from typing import NoReturn

from executors import PermanentError, RetryableError

RETRY_AFTER_SECONDS_MAX = 24 * 3_600


def retry_after(text: str) -> float | None:
    """Seconds that the other side asks for, as a number or a date; at most a day."""
    if text.strip().isdigit():
        return float(min(int(text.strip()[:9]), RETRY_AFTER_SECONDS_MAX))
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    seconds = (at - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)


def raise_failure(error: Exception) -> NoReturn:
    """Raises what `error` comes to: RetryableError for what can pass, PermanentError for what cannot."""
    told = f"{type(error).__name__}: {error}"
    match error:
        case ssl.SSLCertVerificationError():
            raise PermanentError(
                f"the certificate is not trusted: {error.verify_message}"
            ) from None
        case http.client.InvalidURL() | http.client.UnknownProtocol():
            raise PermanentError(told) from None
        case TimeoutError():
            raise RetryableError("no answer in time") from None
        case _:
            raise RetryableError(told) from None
