"""SOAP's `undelete()`: REST has no word for it, and SOAP's other calls stay when `login()` goes.

Source: SOAP API developer guide, "undelete()": each record that is in the bin comes back, with what was deleted along
with it; those of objects that cannot be undeleted, and those that are not in the bin, fail one by one.
"""

import re
from xml.sax.saxutils import escape

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_bin import restore
from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_exchange import Request
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_limits import Usage
from connector.sandbox.salesforce_org import Org, Session, savepoint
from connector.sandbox.salesforce_tokens import Tokens

_SESSION = re.compile(rb"<(?:\w+:)?sessionId>([^<]+)</")
_ASKED = re.compile(rb"<(?:\w+:)?undelete\b")
_IDS = re.compile(rb"<(?:\w+:)?ids>([^<]+)</")
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><soapenv:Body>'
    "<undeleteResponse>{results}</undeleteResponse></soapenv:Body></soapenv:Envelope>"
)
_ERROR = "<errors><message>{message}</message><statusCode>{code}</statusCode></errors>"
_RESULT = "<result>{error}<id>{id}</id><success>{success}</success></result>"


def asked(request: Request) -> bool:
    """Whether a SOAP request is for this call."""
    return bool(_ASKED.search(request.body))


def undelete(org: Org, request: Request) -> Answer:
    """One result a record. Fails with INVALID_SESSION_ID for a session that is none, as every call but `login()`."""
    found = _SESSION.search(request.body)
    user = org.part(Tokens).user(found[1].decode().strip()) if found else None
    if user is None:
        raise failed("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
    org.part(Usage).admit()
    session = Session(org, user)
    with org.state.lock:
        results = "".join(_one(session, id.decode().strip()) for id in _IDS.findall(request.body))
    body = _ENVELOPE.format(results=results).encode()
    return Answer(content=body, headers={"Content-Type": "text/xml;charset=UTF-8"})


def _one(session: Session, text: str) -> str:
    try:
        with savepoint(session.org):
            _restore(session, text)
    except Failed as error:
        told = error.errors[0]
        words = _ERROR.format(message=escape(told.message), code=told.code)
        return _RESULT.format(error=words, id=escape(text), success="false")
    return _RESULT.format(error="", id=escape(text), success="true")


def _restore(session: Session, text: str) -> None:
    id = long_id(text)
    kind = session.org.prefixes.get(id[:3]) if id else None
    if id is None or kind is None:
        raise failed("MALFORMED_ID", f"bad id {text}")
    if "n" not in kind.rights:
        raise failed("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Entity type is not undeletable")
    if not session.may(kind, "u"):
        raise failed("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    restore(session.org, kind, [id])
