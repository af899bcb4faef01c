"""Mapping files: an admin's YAML saying which foreign field fills which column, and what our own fields are called."""

import hashlib
import json
from collections import abc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from connector import transforms, yaml_text
from connector.field_map import Field, Mapped, StreamMap
from connector.schema import DERIVED, SEEN
from connector.yaml_text import YamlText

__all__ = ["Field", "Mapped", "Mapping", "Property", "StreamMap", "load_mapping"]

Where = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Property:
    """One field that we keep on the CRM's contacts.

    Attributes:
        foreign: its name in the CRM.
        label, description: what the marketer reads.
        type, field_type: in the CRM's words (`string`/`text`, `date`/`date`).
        shows: `table.column` of the derived table whose value it shows.
    """

    name: str
    foreign: str
    label: str
    type: str
    field_type: str
    shows: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """One checked mapping file.

    Attributes:
        properties: our own stable name -> the CRM's property.
        group, group_label: the CRM's property group that holds them.
        list_prefix: stands before the label of each of our lists.
        list_folder: the CRM's folder that they are made in, by name; empty: its top.
        notes: stream -> what settings, not the file, say about how its rows come out.
    """

    name: str
    text: YamlText
    streams: abc.Mapping[str, StreamMap]
    properties: abc.Mapping[str, Property] = field(default_factory=dict)
    group: str = "lamplighter"
    group_label: str = "Lamplighter"
    list_prefix: str = "Lamplighter: "
    list_folder: str = "Lamplighter"
    notes: abc.Mapping[str, str] = field(default_factory=dict)

    def digest(self, stream: str) -> str:
        """Changes when rows of a stream could come out otherwise."""
        written = json.dumps(self.text.data["streams"][stream], sort_keys=True, default=str)
        return hashlib.sha256((written + self.notes.get(stream, "")).encode()).hexdigest()[:12]

    def only(self, names: abc.Container[str]) -> "Mapping":
        """The same without the streams that are not among `names`: nobody asks for what they need."""
        return replace(self, streams={name: each for name, each in self.streams.items() if name in names})

    def noted(self, stream: str, note: str) -> "Mapping":
        """The same, with something more that the digest of a stream depends on."""
        return replace(self, notes={**self.notes, stream: self.notes.get(stream, "") + note})

    def with_source(self, stream: str, column: str, foreign: str) -> "Mapping":
        """The same, with a column filled from one foreign field, whatever the file says; unusable values are empty."""
        mapped = self.streams[stream]
        kind = transforms.natural(mapped.schema.field(column).type)
        filled = Field(column=column, sources=(foreign,), transform=kind, lenient=True)
        changed = replace(mapped, fields={**mapped.fields, column: filled})
        return replace(self, streams={**self.streams, stream: changed}).noted(stream, f"{column}: {foreign}")


def load_mapping(name: str, home: Path | None, needs: abc.Mapping[str, Sequence[str]] | None = None) -> Mapping:
    """`mappings/NAME.yaml`, the home's copy before the packaged one.

    Args:
        needs: stream -> columns that the caller cannot do without; a mapping without one of them is refused.

    Raises:
        SetupError: naming file, line, field and the nearest valid word.
    """
    return _Checked(yaml_text.load(name, home)).mapping(name, needs or {})


class _Checked:
    """Turns plain YAML into a Mapping, refusing at the first thing it does not understand."""

    def __init__(self, text: YamlText) -> None:
        self.text = text

    def mapping(self, name: str, needs: abc.Mapping[str, Sequence[str]]) -> Mapping:
        top = self._object((), self.text.data, ("streams", "properties", "group", "lists"))
        streams = self._object(("streams",), top.get("streams"))
        group = self._object(("group",), top.get("group"), ("name", "label"))
        lists = self._object(("lists",), top.get("lists"), ("prefix", "folder"))
        found = Mapping(
            name=name,
            text=self.text,
            streams={key: self._stream(("streams", key), value) for key, value in streams.items()},
            properties=self._properties(top.get("properties")),
            group=self._word(("group", "name"), group.get("name"), "lamplighter"),
            group_label=self._word(("group", "label"), group.get("label"), "Lamplighter"),
            list_prefix=self._word(("lists", "prefix"), lists.get("prefix"), "Lamplighter: "),
            list_folder=self._word(("lists", "folder"), lists.get("folder"), "Lamplighter"),
        )
        self._needed(found, needs)
        return found

    def _stream(self, where: Where, value: Any) -> StreamMap:
        given = self._object(where, value, ("object", "table", "fields", "extra"), ("table", "fields"))
        table = self._one_of((*where, "table"), given["table"], SEEN, "table of the warehouse")
        columns = self._object((*where, "fields"), given["fields"])
        extra = self._words((*where, "extra"), given.get("extra") or [])
        if extra and "extra" not in SEEN[table].names:
            raise self.text.error((*where, "extra"), f"table {table!r} has no column for further fields")
        return StreamMap(
            object=self._word((*where, "object"), given.get("object"), ""),
            table=table,
            schema=SEEN[table],
            fields={name: self._field((*where, "fields", name), table, each) for name, each in columns.items()},
            extra=extra,
        )

    def _field(self, where: Where, table: str, value: Any) -> Field:
        column = self._one_of(where, where[-1], SEEN[table].names, f"column of table {table!r}")
        if not isinstance(value, dict):
            value = {"from": value}
        known = ("from", "transform", "values", "default", "required", "on_error")
        given = self._object(where, value, known, () if "default" in value else ("from",))
        return Field(
            column=column,
            sources=self._words((*where, "from"), given.get("from") or []),
            transform=self._transform(where, table, column, given),
            values=self._values((*where, "values"), given.get("values")),
            default=given.get("default"),
            required=self._flag((*where, "required"), given.get("required", False)),
            lenient=self._lenient((*where, "on_error"), given.get("on_error", "reject")),
        )

    def _transform(self, where: Where, table: str, column: str, given: abc.Mapping[str, Any]) -> str:
        kind = SEEN[table].field(column).type
        if "transform" not in given:
            return transforms.natural(kind)
        name = self._one_of((*where, "transform"), given["transform"], transforms.TRANSFORMS, "transform")
        made = transforms.TRANSFORMS[name].kind
        if made != kind:
            fits = ", ".join(each for each, rule in transforms.TRANSFORMS.items() if rule.kind == kind)
            raise self.text.error((*where, "transform"), f"{name!r} does not fit column {column!r}; {fits} would")
        return name

    def _lenient(self, where: Where, value: Any) -> bool:
        if value not in (None, "null", "reject"):
            raise self.text.error(where, "must be null (leave the column empty) or reject (keep the row aside)")
        return bool(value != "reject")

    def _values(self, where: Where, value: Any) -> dict[str, Any]:
        return {transforms.text(key): ours for key, ours in self._object(where, value).items()}

    def _properties(self, value: Any) -> dict[str, Property]:
        found = {
            name: self._property(("properties", name), each)
            for name, each in self._object(("properties",), value).items()
        }
        names = [each.foreign for each in found.values()]
        for name, each in found.items():
            if names.count(each.foreign) > 1:
                raise self.text.error(("properties", name, "name"), f"{each.foreign!r} stands here twice")
        return found

    def _property(self, where: Where, value: Any) -> Property:
        required = ("name", "label", "type", "field_type", "shows")
        given = self._object(where, value, (*required, "description"), required)
        words = {key: self._word((*where, key), given.get(key), "") for key in (*required, "description")}
        table, _, column = words["shows"].partition(".")
        self._one_of((*where, "shows"), table, DERIVED, "derived table")
        self._one_of((*where, "shows"), column, DERIVED[table].names, f"column of table {table!r}")
        return Property(name=str(where[-1]), foreign=words.pop("name"), **words)

    def _needed(self, found: Mapping, needs: abc.Mapping[str, Sequence[str]]) -> None:
        for stream, columns in needs.items():
            if stream not in found.streams:
                raise self.text.error(("streams",), f"stream {stream!r} is missing")
            for column in columns:
                if column not in found.streams[stream].fields:
                    raise self.text.error(("streams", stream, "fields"), f"column {column!r} is missing")

    def _object(
        self, where: Where, value: Any, known: Sequence[str] | None = None, required: Sequence[str] = ()
    ) -> dict[str, Any]:
        """A YAML mapping with only `known` keys (None: any), and all the `required` ones. Nothing is {}."""
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.text.error(where, f"must hold `name: value` lines, not {_kind(value)}")
        for key in value if known is not None else ():
            self._one_of((*where, key), key, known or (), "word here")
        for key in required:
            if value.get(key) is None:
                raise self.text.error(where, f"{key!r} is missing")
        return value

    def _one_of(self, where: Where, value: Any, valid: abc.Iterable[str], what: str) -> str:
        names = list(valid)
        if value in names:
            return str(value)
        near = get_close_matches(str(value), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
        raise self.text.error(where, f"{value!r} is no {what}; {hint}")

    def _word(self, where: Where, value: Any, default: str) -> str:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.text.error(where, f"must be a text, not {_kind(value)}")
        return str(value)

    def _words(self, where: Where, value: Any) -> tuple[str, ...]:
        several = value if isinstance(value, list) else [value]
        return tuple(self._word((*where, at), each, "") for at, each in enumerate(several))

    def _flag(self, where: Where, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.text.error(where, f"must be true or false, not {_kind(value)}")
        return value


def _kind(value: Any) -> str:
    words = {dict: "a group", list: "a list", bool: "true or false", str: "a text", type(None): "nothing"}
    return words.get(type(value), f"a {type(value).__name__}")
