"""Answers within a composite call, judged as if each had been a call of its own."""

from connector.crms._salesforce.answers import Answer, judged
from connector.crms._salesforce.api import Api
from connector.errors import RetryLater
from connector.limits import Again


def good(api: Api, answer: Answer | None, operation: str) -> Answer:
    """The answer, if it is a good one.

    Raises:
        RetryLater: Salesforce said nothing, or not now.
        Refused: it said no.
    """
    if answer is None:
        raise said_nothing(operation)
    try:
        return judged(answer, operation, (), api.transport.clock.now())
    except Again as trouble:
        raise RetryLater(
            f"Salesforce, {operation}: {trouble.reason}; what is done is kept",
            hint="lamplighter run, later: it goes on where it stopped",
            resume_at=trouble.after,
        ) from None


def said_nothing(operation: str) -> RetryLater:
    """The error for a friendly answer that lacks what it must hold; what it might have told is not taken as read."""
    return RetryLater(f"Salesforce answered {operation} with nothing; what is done is kept", hint="lamplighter run")
