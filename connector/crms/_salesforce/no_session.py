"""Why Salesforce's token endpoint gives no session, and what to click or type: `error` alone stands for many reasons.

Source: "OAuth 2.0 Authorization Errors" in Salesforce Help; the descriptions of `invalid_grant` as public threads know
them, so what is not known by its words falls back on its code.
"""

from typing import Any

from connector.crms._salesforce.answers import CHECK, CONNECT, codes, spoken
from connector.errors import SetupError

POLICIES = "in Setup, External Client App Manager, the app, Policies"
FIXES = {
    "invalid_client_id": f"copy the consumer key again ({CONNECT} --client-id KEY)",
    "invalid_client": f"copy the consumer secret again (Setup, External Client App Manager, the app): {CONNECT}",
    "invalid_app_access": f"pre-authorize the user: {POLICIES}, add the permission set Lamplighter Connector, which "
    f"the integration user has, then {CHECK}",
    "app_not_found": "use the org's own My Domain as salesforce.instance_url in lamplighter.yaml, never a login host",
    "unsupported_grant_type": "enable this flow in the external client app's OAuth settings",
    "inactive_user": "activate the integration user in Salesforce (Setup, Users)",
    "inactive_org": "the org is locked: ask Salesforce's support",
    "redirect_uri_mismatch": f"add the callback URL that `{CONNECT} --oauth` prints to the app's OAuth settings",
}
GRANTS = {
    "approved this consumer": f"set Permitted Users to 'Admin approved users are pre-authorized' ({POLICIES}); or name "
    f"the integration user rightly: {CONNECT} --username USER",
    "audience": "set salesforce.instance_url in lamplighter.yaml to the org's own My Domain",
    "assertion": f"upload the certificate of this very private key to the app, or name the right one: {CONNECT} --flow "
    "jwt --private-key-file FILE; and see that this machine's clock is right",
    "client credentials user": f"enable Client Credentials Flow and set Run As to the integration user ({POLICIES})",
    "expired access/refresh token": f"authorise it again, it was revoked, replaced or not used for too long: {CONNECT} "
    "--oauth",
    "authorization code": f"the code was used before or is too old: {CONNECT} --oauth",
    "code verifier": f"another attempt came in between: {CONNECT} --oauth",
    "ip restricted": "let this machine's address in: the app's IP relaxation, or login ranges of the user's profile",
}
"""Words of the description of an `invalid_grant` -> what to do."""


def no_session(body: Any) -> SetupError:
    """The error for what the token endpoint refused, with a fix of its own."""
    code, words = next(iter(codes(body)), ""), spoken(body)
    known = (fix for part, fix in GRANTS.items() if code == "invalid_grant" and part in words.lower())
    hint = next(known, FIXES.get(code, CONNECT))
    return SetupError(f"Salesforce gives no session: {code or 'refused'} ({words})", hint=hint)
