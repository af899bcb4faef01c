"""What a test may set of the org's door and of its bulk side: the client app, sessions, limits, how long jobs take."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(kw_only=True)
class DoorSettings:
    """Settings of logging in, of limits and of bulk jobs.

    Attributes:
        consumer_key, consumer_secret: of the one external client app that the org knows.
        certificate: the app's X.509 certificate (PEM) for JWT; empty: none was uploaded.
        callback_urls: where the app may have people sent back to; empty: anywhere.
        scopes: what the app may ask for.
        client_credentials: whether that flow is on for the app, with a user to run as.
        admin_approved: users that an admin approved for the app, by user name; None: people approve for themselves.
        login_as: user name of the person who agrees in the browser.
        refuse_authorization: whether that person says no.
        require_pkce: whether the app must prove with PKCE that it is the one that asked.
        rotate_refresh: whether a refresh token works once and is replaced.
        session_minutes: how long a session lasts, in use or not.
        api_enabled: whether the integration user has the permission API Enabled.
        hard_delete: whether the integration user has the permission Bulk API Hard Delete.
        daily_limit: calls in 24 hours, all apps together.
        daily_used: calls that others have made already.
        others_per_call: how many calls others make for each of ours.
        query_jobs_daily: bulk queries in 24 hours.
        storage_megabytes: data storage of the org.
        job_polls: how often a job is looked at before it is told to be complete.
        job_seconds: how long a job waits, by the sandbox clock, before anything is done.
        bulk_page: rows of one set of results where the client names no number.
        upload_megabytes: most of one upload, counted as if it were in base64.
    """

    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105 - a plain word, no secret
    certificate: str = ""
    callback_urls: Sequence[str] = ()
    scopes: str = "api refresh_token id"
    client_credentials: bool = True
    admin_approved: Sequence[str] | None = None
    login_as: str = "sync@lamp.example"
    refuse_authorization: bool = False
    require_pkce: bool = True
    rotate_refresh: bool = True
    session_minutes: float = 120
    api_enabled: bool = True
    hard_delete: bool = False
    daily_limit: int = 100_000
    daily_used: int = 0
    others_per_call: float = 0
    query_jobs_daily: int = 10_000
    storage_megabytes: int = 10_240
    job_polls: int = 1
    job_seconds: float = 0
    bulk_page: int = 50_000
    upload_megabytes: float = 150
