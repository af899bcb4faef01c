"""The home of an install: `lamplighter.yaml`, mapping overrides, the store and the warehouse in one folder.

Values come from `lamplighter.yaml`; the environment wins (`LAMPLIGHTER_STORE__URL`). Secrets never stand in the file:
it holds a reference, `env:NAME` or `keyring:NAME`, and the value prints as `**redacted**`.
"""

from connector.settings.ads import AdFilePart, AdsPart, GoogleAdsPart, MetaAdsPart
from connector.settings.alerts import AlertsPart, EmailPart
from connector.settings.crms import HubSpotPart, SalesforceAppPart, SalesforcePart
from connector.settings.document import FILE, Settings, load
from connector.settings.guard import GuardPart
from connector.settings.observing import MetricsPart
from connector.settings.part import OAuthPart, Reference, is_reference
from connector.settings.secrets import has_keyring, keep_secret, secret
from connector.settings.sources import CollectPart, SourcePart
from connector.settings.upkeep import BackupPart, RetentionPart, SchedulePart, StorePart, WarehousePart

__all__ = [
    "FILE",
    "AdFilePart",
    "AdsPart",
    "AlertsPart",
    "BackupPart",
    "CollectPart",
    "EmailPart",
    "GoogleAdsPart",
    "GuardPart",
    "HubSpotPart",
    "MetaAdsPart",
    "MetricsPart",
    "OAuthPart",
    "Reference",
    "RetentionPart",
    "SalesforceAppPart",
    "SalesforcePart",
    "SchedulePart",
    "Settings",
    "SourcePart",
    "StorePart",
    "WarehousePart",
    "has_keyring",
    "is_reference",
    "keep_secret",
    "load",
    "secret",
]
