"""What an admin deploys to an org, read from source in the sfdx format: custom fields, and permission sets."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
TYPES = {
    "Checkbox": "boolean",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "Email": "email",
    "LongTextArea": "textarea",
    "MultiselectPicklist": "multipicklist",
    "Number": "double",
    "Percent": "percent",
    "Phone": "phone",
    "Picklist": "picklist",
    "Text": "string",
    "TextArea": "textarea",
    "Url": "url",
}
PROPERTIES = {"boolean": "cufsgD", "double": "cufsn", "currency": "cufsn", "datetime": "cufsn", "multipicklist": "cufn"}
"""Where they differ from the usual `cufsgn`; long texts cannot be filtered at all."""


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """Name, label, and object.field -> whether it may be edited as well as read."""

    name: str
    label: str
    fields: dict[str, bool]


def custom_fields(folder: Path) -> Iterator[tuple[str, str]]:
    """Object and line (in the format of `salesforce_fields`) of each custom field in a folder of source.

    Raises ValueError for a type of field that the sandbox has not.
    """
    for path in sorted(folder.rglob("*.field-meta.xml")):
        yield path.parents[1].name, _line(_root(path))


def permission_sets(folder: Path) -> Iterator[PermissionSet]:
    """The permission sets in a folder of source."""
    for path in sorted(folder.rglob("*.permissionset-meta.xml")):
        root = _root(path)
        fields = {
            _text(one, "field"): _text(one, "editable") == "true"
            for one in root.findall(f"{NAMESPACE}fieldPermissions")
            if _text(one, "readable") == "true"
        }
        yield PermissionSet(path.name.partition(".")[0], _text(root, "label"), fields)


def _root(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()  # noqa: S314 - what the admin deploys


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{NAMESPACE}{name}") or ""


def _line(root: ElementTree.Element) -> str:
    given = _text(root, "type")
    if given not in TYPES:
        raise ValueError(f"the sandbox has no custom fields of the type {given}")
    kind = TYPES[given]
    marks = "U" * (_text(root, "unique") == "true") + "E" * (_text(root, "externalId") == "true")
    properties = "cun" if given == "LongTextArea" else PROPERTIES.get(kind, "cufsgn")
    if _text(root, "required") == "true":
        properties = properties.replace("n", "")
    label = _text(root, "label")
    return f'{_text(root, "fullName")} {kind}{_size(root)} {properties}{marks}{_values(root)} "{label}"'


def _size(root: ElementTree.Element) -> str:
    if precision := _text(root, "precision"):
        whole = int(precision)
        return f":{whole},{_text(root, 'scale') or 0}"
    return f":{length}" if (length := _text(root, "length")) else ""


def _values(root: ElementTree.Element) -> str:
    names = [_text(one, "fullName").replace(" ", "_") for one in root.iter(f"{NAMESPACE}value")]
    return f" ={'|'.join(names)}" if names else ""
