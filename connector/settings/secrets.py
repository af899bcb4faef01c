"""Secrets: asked for where a reference says they are."""

import os

from pydantic import SecretStr

from connector.errors import SetupError


def secret(reference: str, connect: str = "lamplighter connect hubspot") -> SecretStr:
    """The value behind `env:NAME` or `keyring:NAME`.

    Args:
        connect: the command that puts it there.

    Raises:
        SetupError: it is not set; the message says where to put it.
    """
    kind, _, name = reference.partition(":")
    value = os.environ.get(name) if kind == "env" else _from_keyring(name)
    if not value:
        where = f"the environment variable {name}" if kind == "env" else f"the keyring entry lamplighter/{name}"
        raise SetupError(f"{where} is empty", hint=connect)
    return SecretStr(value.strip())


def keep_secret(name: str, value: str) -> bool:
    """Put a secret into the machine's keyring; False where the machine has none."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password("lamplighter", name, value)
    except KeyringError:
        return False
    return True


def has_keyring() -> bool:
    """Whether this machine keeps secrets: one is put there, read back and taken away."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password("lamplighter", "probe", "probe")
        kept = keyring.get_password("lamplighter", "probe") == "probe"
        keyring.delete_password("lamplighter", "probe")
    except KeyringError:
        return False
    return kept


def _from_keyring(name: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password("lamplighter", name)
    except KeyringError:
        raise SetupError(
            "this machine has no keyring",
            hint="write env:NAME instead of keyring:NAME in lamplighter.yaml, and export NAME",
        ) from None
