"""What the integration user may see of the org: objects and fields, as `describe` tells them anew in each run.

A field that is hidden by field-level security is not there at all: asking for it fails, leaving it out reads as empty.
So what we read is held against what we saw before.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.crms._salesforce.answers import Answer
from connector.crms._salesforce.api import Api
from connector.crms._salesforce.within import said_nothing
from connector.errors import RetryLater, SetupError

Object = Mapping[str, Mapping[str, Any]]
"""Field (in lower case) -> what describe tells of it."""


class Visible:
    """Objects by name. What was not described yet is asked for when it is needed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._objects: dict[str, Object | None] = {}
        self._told: dict[str, Mapping[str, Any]] = {}

    def learn(self, name: str, answer: Answer) -> None:
        """Take note of a describe. An object that is refused is one that we may not see.

        Raises RetryLater where neither is said.
        """
        if answer.status in (403, 404):
            self._objects[name] = None
            return
        fields = answer.body.get("fields") if isinstance(answer.body, Mapping) else None
        if answer.status >= 300 or not fields:
            raise RetryLater(f"Salesforce does not describe {name} ({answer.status})", hint="lamplighter run, later")
        self._told[name] = answer.body
        self._objects[name] = {one["name"].lower(): one for one in fields}

    def object(self, name: str) -> Object | None:
        """The fields of an object that we may see; None where we may not see the object."""
        if name not in self._objects:
            answer = self._api.describe([name]).get(name)
            if answer is None:
                raise said_nothing(f"a description of {name}")
            self.learn(name, answer)
        return self._objects[name]

    def may(self, name: str, what: str) -> bool:
        """Whether describe says that we may do this with an object: `queryable`, `createable`, `updateable`..."""
        return self.object(name) is not None and bool(self._told[name].get(what))

    def prefix(self, name: str) -> str:
        """What the ids of an object begin with."""
        return str(self._told[name].get("keyPrefix") or "") if self.object(name) else ""

    def field(self, name: str, path: str) -> Mapping[str, Any] | None:
        """What describe tells of the field at a path from an object; None where we do not see it."""
        fields, (step, _, rest) = self.object(name), path.partition(".")
        if fields is None:
            return None
        if not rest:
            return fields.get(step.lower())
        parents = (one for one in fields.values() if (one.get("relationshipName") or "").lower() == step.lower())
        reference = next(parents, None)
        return self.field(reference["referenceTo"][0], rest) if reference and reference["referenceTo"] else None

    def seen(self, name: str, paths: Iterable[str]) -> list[str]:
        """Those of the paths that lead to a field."""
        return [path for path in paths if self.field(name, path) is not None]

    def demand(self, name: str, paths: Iterable[str]) -> None:
        """Raises SetupError where one of the paths leads to no field that we may see."""
        if self.object(name) is None:
            raise SetupError(f"Salesforce does not let us see the object {name}", hint=permission(name))
        if missing := [path for path in paths if self.field(name, path) is None]:
            raise hidden(name, missing)


def hidden(name: str, paths: Sequence[str]) -> SetupError:
    """The error for fields that are mapped and not to be seen."""
    named = ", ".join(f"{name}.{path}" for path in paths)
    return SetupError(
        f"Salesforce hides {named} from the integration user, or it was deleted; nothing was read without it",
        hint=f"{permission(named)}; or map another field in mappings/salesforce.yaml",
    )


def permission(what: str) -> str:
    """How to let the integration user see an object or fields."""
    return f"give the permission set of the integration user read access to {what}, then lamplighter check"
