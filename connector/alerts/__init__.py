"""Telling people when a sync needs them: what the trouble is, the next command, and later that it is over."""

from connector.alerts.channels import Channel, channels
from connector.alerts.notice import Notice
from connector.alerts.telling import send_test, tell
from connector.alerts.troubles import Trouble, troubles

__all__ = ["Channel", "Notice", "Trouble", "channels", "send_test", "tell", "troubles"]
