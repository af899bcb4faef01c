"""SOAP's `login()`, which is gone: a client that still tries it is told so, and nobody comes in. `undelete()` stays.

Source: "SOAP API login() Retirement": not part of API version 65.0 and later, and disabled in new orgs.
"""

from xml.sax.saxutils import escape

from connector.sandbox import salesforce_soap_undelete
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_org import Session

_FAULT = """<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope \
xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>\
<faultstring>{code}: {message}</faultstring><detail><sf:UnexpectedErrorFault xsi:type="sf:UnexpectedErrorFault">\
<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>\
</sf:UnexpectedErrorFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


def call(session: Session, request: Request) -> Answer:
    """`undelete()`, or else a fault, whatever was asked."""
    if not salesforce_soap_undelete.asked(request):
        return _fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
    try:
        return salesforce_soap_undelete.undelete(session.org, request)
    except Failed as error:
        return _fault(error.errors[0].code, error.errors[0].message)


def _fault(code: str, message: str) -> Answer:
    body = _FAULT.format(code=code, message=escape(message)).encode()
    return Answer(status=500, content=body, headers={"Content-Type": "text/xml;charset=UTF-8"})


OPERATIONS = (
    operation("POST", "/services/Soap/u/{api}", call, open=True),
    operation("POST", "/services/Soap/c/{api}", call, open=True),
)
