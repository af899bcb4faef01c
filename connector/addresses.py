"""To which addresses a secret may be sent."""

from urllib.parse import urlsplit

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is sent to `url`: over TLS, or without leaving this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in THIS_MACHINE))
