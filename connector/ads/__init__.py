"""The ad platforms: one file each, found by its name. A file offers `build(settings, remembered)`."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from connector.errors import SetupError
from connector.ports import AdDestination, Remembered


def names() -> list[str]:
    """The platforms there are."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def build(platform: str, settings: Mapping[str, Any], remembered: Remembered) -> AdDestination:
    """The adapter of a platform.

    Args:
        settings: the adapter's own, by name; secrets are callables. `name` is what books and ledgers call it.

    Raises:
        SetupError: there is no such platform, or a setting is wrong.
    """
    if platform not in names():
        raise SetupError(f"there is no ad platform called {platform!r}", hint=f"known: {', '.join(names())}")
    built: AdDestination = importlib.import_module(f"{__name__}.{platform}").build(settings, remembered)
    return built
