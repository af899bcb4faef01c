"""The last net before anything is logged: it takes secrets by their type, people and tokens by what they look like.

Nothing of the kind should ever come this far, so whatever is taken out is counted and looked for.
"""

import re
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter
from pydantic import SecretBytes, SecretStr

REDACTED = "**redacted**"

FORMS: Mapping[str, str] = {
    "token": r"\b(?:pat-[a-z]{2}\d-[\w-]{8,}|00D\w{12,15}![\w.]{20,}|ya29\.[\w-]{10,}|EAA[A-Za-z0-9]{20,})"
    r"|\b1//0[\w-]{20,}|\beyJ[\w-]{8,999}\.[\w-]{8,}\.[\w-]*|(?i:\bbearer)\s+(?=\S*\d)[\w.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
    r"|\b(?:access_token|refresh_token|client_secret|appsecret_proof|assertion|signature|code)=[^&\s\"']{6,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+@",
    "email": r"[\w.+'%-]{1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)+",
    "phone": r"(?:\+|%2B)\d[\d .()/-]{6,}\d",
    "digest": r"\b[0-9a-fA-F]{64}\b|\b(?:email|phone):[\w-]{43}(?![\w-])",
}
"""Kind -> how it looks: tokens of HubSpot, Salesforce, Google and Meta, JWTs, keys, what URLs carry; E.164 numbers;
SHA-256 as platforms are told of members. What ids and times look like too (digits without a plus) is not among them.
What something else must follow has a longest length: a text without it would be read anew from each of its letters."""

_NET = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in FORMS.items()), re.DOTALL)
_CAUGHT = Counter(
    "lamplighter_redactions", "What was taken out of log lines; more than 0 is a fault.", ["kind"], registry=None
)
for _kind in (*FORMS, "secret"):
    _CAUGHT.labels(_kind)


def caught() -> dict[str, int]:
    """Kind -> how often it was taken out since this process began."""
    counted = (sample for metric in _CAUGHT.collect() for sample in metric.samples if sample.name.endswith("_total"))
    return {sample.labels["kind"]: int(sample.value) for sample in counted}


def clean_text(text: str) -> str:
    """`text` without what looks like a person or a token."""
    return _NET.sub(_replaced, text)


def _replaced(found: re.Match[str]) -> str:
    _CAUGHT.labels(found.lastgroup).inc()
    return REDACTED


def clean(value: Any) -> Any:
    """A value as it may be logged: numbers, times and truth as they are, everything else as text or parts of it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SecretStr | SecretBytes):
        _CAUGHT.labels("secret").inc()
        return REDACTED
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, Mapping):
        return {clean(name): clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(one) for one in value]
    return clean_text(value if isinstance(value, str) else str(value))
