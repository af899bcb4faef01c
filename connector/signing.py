"""Signed assertions (JWT, RS256): how an app proves to a token endpoint who it is, by a key that it keeps."""

from collections.abc import Mapping
from typing import Any

import jwt

from connector.errors import SetupError


def signed(claims: Mapping[str, Any], private_key: str, *, setting: str, hint: str, key_id: str = "") -> str:
    """The assertion of `claims`.

    Args:
        private_key: PEM.
        setting: where the key comes from, for the message.
        hint: the command that mends it.
        key_id: which of several keys of ours it is, where the other side asks.

    Raises:
        SetupError: the key is none.
    """
    headers = {"kid": key_id} if key_id else None
    try:
        return jwt.encode(dict(claims), private_key, algorithm="RS256", headers=headers)
    except (ValueError, TypeError, jwt.PyJWTError):
        raise SetupError(f"{setting} is no RSA key in PEM form", hint=hint) from None
