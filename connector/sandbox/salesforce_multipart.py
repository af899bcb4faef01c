"""Multipart requests, as an ingest job travels with its data in one call."""

from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request


def parts(request: Request) -> dict[str, bytes]:
    """Name -> body of each part of a multipart request. Fails with MULTIPART_PARSE_ERROR."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body, EmailMessage, policy=policy.HTTP)
    found = {_name(one): _body(one) for one in message.iter_parts()} if message.is_multipart() else {}
    if not found:
        raise failed("MULTIPART_PARSE_ERROR", "The request is no multipart/form-data with parts")
    return found


def _name(part: MIMEPart) -> str:
    return str(part.get_param("name", "", header="content-disposition"))


def _body(part: MIMEPart) -> bytes:
    """The bytes as they came: no part of ours has a transfer encoding."""
    body = part.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""
