"""How each system says no, in its own words; every message carries an address that no message of ours may repeat.

Sources: the error references of HubSpot, Salesforce, Google (AIP-193) and Meta, as in the sandboxes' `*_errors.py`.
"""

import json
from dataclasses import dataclass
from typing import Any

from fault_proxy import Reply

WHO = "nobody@example.com"
PAGE = f"<!doctype html><html><body><h1>We'll be right back</h1><p>Contact {WHO}.</p></body></html>".encode()


@dataclass(frozen=True, kw_only=True)
class Words:
    """The answers of one system: one call too many, the day's calls are used up, the token has expired, a fault of its
    own, and a friendly one that says nothing."""

    limited: Reply
    spent: Reply
    expired: Reply
    broken: Reply
    nothing: Reply


def _reply(status: int, body: Any, **headers: str) -> Reply:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers={"Content-Type": "application/json", **told}, body=json.dumps(body).encode())


def _hubspot(status: int, category: str, **more: str) -> Reply:
    return _reply(status, {"status": "error", "message": f"not for {WHO}", "category": category, **more})


def _salesforce(status: int, code: str, message: str = f"not for {WHO}") -> Reply:
    return _reply(status, [{"errorCode": code, "message": message}])


def _google(status: int, code: str, reason: str, **metadata: str) -> Reply:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}
    return _reply(status, {"error": {"code": status, "status": code, "message": f"not for {WHO}", "details": [info]}})


def _meta(status: int, code: int, **headers: str) -> Reply:
    return _reply(status, {"error": {"code": code, "message": f"not for {WHO}", "fbtrace_id": "A1"}}, **headers)


_REGAIN = {"4711": [{"type": "custom_audience", "call_count": 100, "estimated_time_to_regain_access": 45}]}
WORDS = {
    "hubspot": Words(
        limited=_hubspot(429, "RATE_LIMITS", policyName="TEN_SECONDLY_ROLLING"),
        spent=_hubspot(429, "RATE_LIMITS", policyName="DAILY"),
        expired=_hubspot(401, "EXPIRED_AUTHENTICATION"),
        broken=_hubspot(500, "INTERNAL_ERROR"),
        nothing=_reply(200, {"status": "COMPLETE", "results": []}),
    ),
    "salesforce": Words(
        limited=_salesforce(
            403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        ),
        spent=_salesforce(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        expired=_salesforce(401, "INVALID_SESSION_ID"),
        broken=_salesforce(503, "SERVER_UNAVAILABLE"),
        nothing=_reply(200, []),
    ),
    "google": Words(
        limited=_google(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", quota_unit="1/min/{project}"),
        spent=_google(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", quota_unit="1/d/{project}"),
        expired=_google(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
        broken=_google(500, "INTERNAL", ""),
        nothing=_reply(200, {}),
    ),
    "meta": Words(
        limited=_meta(400, 80_003),
        spent=_meta(400, 80_003, X_Business_Use_Case_Usage=json.dumps(_REGAIN)),
        expired=_meta(400, 190),
        broken=_meta(500, 2),
        nothing=_reply(200, {}),
    ),
}
