"""The address of an org, from whatever an admin copies out of the browser."""

import re
from urllib.parse import urlsplit

from connector.errors import SetupError

LOGIN = frozenset({"login.salesforce.com", "test.salesforce.com", "www.salesforce.com"})
_SHOWN = re.compile(r"^(?P<org>[a-z0-9-]+(?:\.[a-z]+)?)\.(?:lightning\.force\.com|my\.salesforce-setup\.com)$")
"""Where Lightning pages and Setup are shown: the API is at my.salesforce.com under the same name."""


def my_domain(text: str) -> str:
    """`https://acme.my.salesforce.com`, of any page of that org, with or without `https://`.

    Raises SetupError for a login page, which belongs to no org, and for what is no address.
    """
    parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
    host = (parts.hostname or "").lower()
    if host in LOGIN or parts.username is not None or not re.fullmatch(r"[a-z0-9.:-]+", host):
        raise SetupError(
            f"{host if host in LOGIN else 'that'} is not the address of an org",
            hint="Setup, My Domain, Current My Domain URL, such as acme.my.salesforce.com: --instance-url URL",
        )
    if shown := _SHOWN.match(host):
        return f"https://{shown['org']}.my.salesforce.com"
    return f"{parts.scheme}://{parts.netloc.lower()}"
