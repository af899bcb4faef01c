"""Log lines: what each carries, and what can never be in one."""

import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from connector.cli import process
from connector.observe import logs
from connector.observe.redaction import REDACTED, caught, clean, clean_text

pytestmark = pytest.mark.usefixtures("shown_on_purpose")

DIGEST = "3f0a" * 16
PRIVATE = {
    "email": ["dana@example.com", "Dana.Lind+x@shop.example.co.uk", "dana%40example.com", "o'hara@example.com"],
    "phone": ["+44 20 7946 0999", "+442079460999", "%2B442079460999", "+1 (800) 555-0100"],
    "digest": [DIGEST, DIGEST.upper(), f"email:{'aB3_' * 10}xyz"],
    "token": [
        "Bearer abcDEF123456",
        "pat-eu1-0a1b2c3d-4e5f",
        "00D5g000000AbCd!AQEAQF.abcdefghijklmnopqrst",
        "ya29.a0AfH6SMBx-yz12",
        f"EAA{'Gm0PX4' * 5}",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
        "access_token=abcdef123",
        "client_secret=s3cr3t99",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
}
PLAIN = [
    "2026-09-30T12:00:00+00:00",
    "the bearer token has expired",
    "compat-mode",
    "hubspot:1234567890123",
    "00D5g000000AbCdEAF",
    "/srv/lamplighter/lamplighter.yaml, line 3",
    "status 401 (attempt 8)",
]


Heard = Callable[[Callable[[], None]], list[dict[str, Any]]]


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Iterator[Heard]:
    """Does something in a process whose logs are set up, and gives the lines that were written."""
    hooks = threading.excepthook, sys.unraisablehook

    def heard(act: Callable[[], None]) -> list[dict[str, Any]]:
        logs.set_up(logging.INFO)
        act()
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    logging.captureWarnings(False)
    yield heard
    logging.captureWarnings(False)
    threading.excepthook, sys.unraisablehook = hooks
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PRIVATE.items() for text in texts])
def test_what_looks_like_a_person_or_a_token_is_taken_out_and_counted(kind: str, text: str) -> None:
    """Of a sentence the rest stays; the count tells which kind it was."""
    before = caught()
    assert clean_text(f"it says {text}") == f"it says {REDACTED}"
    assert {name: count - before[name] for name, count in caught().items() if count != before[name]} == {kind: 1}


@pytest.mark.parametrize("text", PLAIN)
def test_ids_times_and_words_stay(text: str) -> None:
    """A net that takes everything helps nobody who reads logs at night."""
    assert clean_text(text) == text


def test_a_long_word_is_not_read_anew_from_each_of_its_letters() -> None:
    """What stands before an @ or a dot counts up to a length that no address and no head of a token has."""
    word, heads = "x" * 40_000, "-eyJ" * 10_000
    assert clean_text(f"{word}@example.com") == f"{word[64:]}{REDACTED}"
    assert clean_text(f"{heads} {word}") == f"{heads} {word}"


def test_values_of_every_shape_are_cleaned() -> None:
    """Down to the last part of a value; secrets go by their type, errors and strangers without their text."""
    told = {
        "a": [SecretStr("s3cr3t"), ("dana@example.com", 3)],
        "dana@example.com": ValueError("dana"),
        "at": Path("x"),
    }
    assert clean(told) == {"a": [REDACTED, [REDACTED, 3]], REDACTED: "ValueError", "at": "x"}
    assert [clean(plain) for plain in (None, True, 2, 0.5)] == [None, True, 2, 0.5]


def test_lines_carry_time_level_run_and_system(heard: Heard) -> None:
    """Ours and those of libraries; the run while one is at work, the system where its keys or its speaker tell."""

    def act() -> None:
        structlog.get_logger().info("sent", destination="google")
        logging.getLogger("connector.crms._hubspot.lists").info("a list is back")
        logging.getLogger("simple_salesforce.api").warning("slow")
        logging.getLogger("urllib3").info("below what is heard of libraries")

    structlog.contextvars.bind_contextvars(run=7)
    found = heard(act)
    assert [(one["event"], one["level"], one["run"], one["system"]) for one in found] == [
        ("sent", "info", 7, "google"),
        ("a list is back", "info", 7, "hubspot"),
        ("slow", "warning", 7, "salesforce"),
    ]
    assert all(one["timestamp"].endswith("Z") for one in found)


@pytest.mark.parametrize("speaker", ["urllib3", "simple_salesforce", "apscheduler", "sqlalchemy", "uvicorn", "asyncio"])
def test_libraries_tell_nothing_either(heard: Heard, speaker: str) -> None:
    """Neither in the message, nor by the text or the traceback of an error."""

    def act() -> None:
        try:
            raise ValueError("rosa@example.com")
        except ValueError:
            logging.getLogger(speaker).exception("could not mail %s", "dana@example.com")

    before = caught()["email"]
    (line,) = heard(act)
    assert (line["event"], line["error"]) == (f"could not mail {REDACTED}", "ValueError")
    assert caught()["email"] == before + 1
    assert "rosa" not in str(line)
    assert "Traceback" not in str(line)


def test_our_own_errors_are_their_kind(heard: Heard) -> None:
    """`exc_info` given in whichever form."""

    def act() -> None:
        try:
            raise ValueError("rosa@example.com")
        except ValueError as error:
            for form in (True, error):
                structlog.get_logger().error("failed", exc_info=form)

    assert [one["error"] for one in heard(act)] == ["ValueError", "ValueError"]


def test_faults_that_nobody_catches_are_their_kind(heard: Heard) -> None:
    """In a thread, or in a finalizer: what Python would print holds the text."""

    def act() -> None:
        process.quiet_faults()
        thread = threading.Thread(target=lambda: int("rosa@example.com"), name="lease-pass")
        thread.start()
        thread.join()

    assert [(one["event"], one["error"], one["thread"]) for one in heard(act)] == [
        ("fault", "ValueError", "lease-pass")
    ]


def test_warnings_are_lines_too(heard: Heard) -> None:
    """Python's own way would write their text and a line of source to stderr."""

    def act() -> None:
        process.quiet_faults()
        warnings.warn("deprecated for rosa@example.com", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        (line,) = heard(act)
    assert line["level"] == "warning"
    assert "rosa" not in line["event"]
