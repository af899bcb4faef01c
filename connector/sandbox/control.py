"""The levers of the sandbox under `/_sandbox/`: what tests and demos read and move. JSON, no token, loopback only."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation, Operations
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.journal import Journal
from connector.sandbox.service import Service

CONTROL = "/_sandbox/"


class Control:
    """Answers the control API. Bad input is 400 with a sentence under `error`."""

    def __init__(self, service: Service, journal: Journal, faults: Faults) -> None:
        self.service = service
        self.journal = journal
        self.faults = faults

    def answer(self, call: Call) -> Answer:
        """Do what the call asks; 404 for an unknown lever."""
        found = LEVERS.find(call.method, call.path)
        if found is None:
            return _unknown(call)
        try:
            return found[0].handle(self, replace(call, params=found[1]))
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            return Answer(status=400, content={"error": str(wrong)})

    def requests(self, call: Call) -> Answer:
        """Entries after `since`."""
        return Answer(content=self.journal.since(int(call.query.get("since", "0"))))

    def counts(self, call: Call) -> Answer:
        """How many requests since they were last cleared."""
        return Answer(content=self.journal.counts())

    def clear_requests(self, call: Call) -> Answer:
        """Forget entries and counts."""
        self.journal.clear()
        return Answer(content=self.journal.counts())

    def clock(self, call: Call) -> Answer:
        """Let `advance_seconds` pass, and tell the time."""
        self.service.clock.advance(float(_object(call).get("advance_seconds", 0)))
        return Answer(content={"now": iso(self.service.clock.milliseconds())})

    def settings(self, call: Call) -> Answer:
        """Change settings by name."""
        wanted = _object(call)
        if "record_bodies" in wanted:
            self.journal.record_bodies = bool(wanted.pop("record_bodies"))
        self.service.configure(wanted)
        return Answer(content={"ok": True})

    def add_fault(self, call: Call) -> Answer:
        """Wait for requests to spoil; fields are those of `Fault`."""
        wanted = _object(call)
        known = {field.name for field in fields(Fault)}
        if unknown := wanted.keys() - known:
            raise ValueError(f"a fault has no {sorted(unknown)}; it has {sorted(known)}")
        self.faults.add(Fault(**wanted))
        return Answer(content={"ok": True})

    def clear_faults(self, call: Call) -> Answer:
        """Everything works again."""
        self.faults.clear()
        return Answer(content={"ok": True})

    def state(self, call: Call) -> Answer:
        """What stands in the system."""
        return Answer(content=self.service.state())

    def act(self, call: Call) -> Answer:
        """Do what a person would do in the system, past journal, faults, limits and scopes."""
        wanted = _object(call)
        return self.service.act(str(wanted["method"]), str(wanted["path"]), wanted.get("body"))

    def lever(self, call: Call) -> Answer:
        """Move one of the system's own levers; the body holds its arguments by name."""
        name = call.params["lever"]
        if name not in self.service.levers:
            return _unknown(call)
        return Answer(content={"result": self.service.levers[name](**_object(call))})


def _unknown(call: Call) -> Answer:
    return Answer(status=404, content={"error": f"no such lever: {call.method} {call.path}"})


def _object(call: Call) -> dict[str, Any]:
    wanted = json.loads(call.body or b"{}")
    if not isinstance(wanted, Mapping):
        raise ValueError("a JSON object is wanted")
    return dict(wanted)


LEVERS = Operations(
    [
        Operation(method="GET", path="/_sandbox/requests", handle=Control.requests),
        Operation(method="GET", path="/_sandbox/counts", handle=Control.counts),
        Operation(method="DELETE", path="/_sandbox/requests", handle=Control.clear_requests),
        Operation(method="POST", path="/_sandbox/clock", handle=Control.clock),
        Operation(method="POST", path="/_sandbox/settings", handle=Control.settings),
        Operation(method="POST", path="/_sandbox/faults", handle=Control.add_fault),
        Operation(method="DELETE", path="/_sandbox/faults", handle=Control.clear_faults),
        Operation(method="GET", path="/_sandbox/state", handle=Control.state),
        Operation(method="POST", path="/_sandbox/act", handle=Control.act),
        Operation(method="POST", path="/_sandbox/{lever}", handle=Control.lever),
    ]
)
