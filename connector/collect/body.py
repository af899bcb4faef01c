"""Request bodies: read within limits of size and time, unpacked, and parsed."""

import asyncio
import json
import zlib
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

READING = 10.0
"""Seconds in which a body must have come."""


async def read(request: Request, most: int) -> bytes:
    """The body, unpacked where it came as gzip.

    Raises:
        HTTPException: 413 for more than `most` bytes, packed or not; 408, 415, or 400 where it breaks off.
    """
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        raise HTTPException(415, "send it plain, or with Content-Encoding: gzip")
    data = await _received(request, most)
    return _unpacked(data, most) if packing == "gzip" else data


async def _received(request: Request, most: int) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(READING):
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise HTTPException(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    return bytes(data)


def _unpacked(data: bytes, most: int) -> bytes:
    """Never unpacks more than one byte beyond `most`, however small the packed body was."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(data, most + 1)
    except zlib.error:
        raise HTTPException(400, "the body is not gzip") from None
    if len(plain) > most:
        raise _too_large(most)
    if not stream.eof or stream.unused_data:
        raise HTTPException(400, "the gzip body breaks off, or goes on behind its end")
    return plain


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body is longer than {most:,} bytes")


def parsed(data: bytes) -> Any:
    """The JSON in a body. Raises HTTPException: 400, saying where it goes wrong and quoting nothing."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise HTTPException(400, f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"not JSON: {type(error).__name__}") from None


def _no_number(name: str) -> None:
    raise ValueError("JSON has no such number")
