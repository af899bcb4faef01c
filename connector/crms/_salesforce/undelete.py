"""Takes a record out of the recycle bin. REST has no word for that; SOAP's `undelete()` has.

Source: SOAP API developer guide, undelete(): records that were deleted along with it come back too.
"""

from xml.sax.saxutils import escape

from connector.crms._salesforce.api import Api

_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader><urn:sessionId>{token}</urn:sessionId>'
    "</urn:SessionHeader></soapenv:Header><soapenv:Body><urn:undelete><urn:ids>{id}</urn:ids></urn:undelete>"
    "</soapenv:Body></soapenv:Envelope>"
)
_HEADERS = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}


def undelete(api: Api, id: str) -> None:
    """Ask for it; whether it is back, a look tells. Raises Refused where Salesforce does not even listen."""
    content = _ENVELOPE.format(token=escape(api.transport.token()), id=escape(id))
    version = api.base.rstrip("/").rpartition("v")[2]
    api.transport.request(
        "POST", f"/services/Soap/u/{version}", content=content, headers=_HEADERS, repeatable=True, ok=(500,)
    )
