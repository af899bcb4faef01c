"""What the org is made of, as one user sees it: versions, resources, objects, and the describe of one object."""

from collections.abc import Iterator
from typing import Any

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_fields import NUMBERS, Field, SObject
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_rest import DATA, base

SEASONS = ("Spring", "Summer", "Winter")
RESOURCES = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")
SOAP = {
    **dict.fromkeys(("id", "reference"), "tns:ID"),
    **dict.fromkeys(NUMBERS, "xsd:double"),
    **{kind: f"xsd:{kind}" for kind in ("boolean", "date", "int")},
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
NOT_AGGREGATED = ("boolean", "address", "multipicklist")
NEVER = (
    "aiPredictionField", "cascadeDelete", "caseSensitive", "dependentPicklist", "deprecatedAndHidden",
    "displayLocationInDecimal", "encrypted", "formulaTreatNullNumberAsZero", "highScaleNumber", "htmlFormatted",
    "queryByDistance", "restrictedDelete", "searchPrefilterable", "writeRequiresMasterRead",
)  # fmt: skip
NOTHING = (
    "calculatedFormula", "controllerName", "defaultValueFormula", "extraTypeInfo", "filteredLookupInfo",
    "inlineHelpText", "mask", "maskType", "referenceTargetField", "relationshipOrder",
)  # fmt: skip
OBJECT_NEVER = (
    "activateable", "customSetting", "deprecatedAndHidden", "feedEnabled", "hasSubtypes", "isInterface", "isSubtype",
)  # fmt: skip


def versions(session: Session, request: Request) -> Answer:
    """The API versions that are served; for this, no session is needed."""
    settings = session.org.settings
    return Answer(content=[_version(number) for number in range(settings.lowest, settings.highest + 1)])


def _version(number: int) -> dict[str, str]:
    """Three releases a year: 66 is Spring '26, and the winter release bears the next year's number."""
    season, year = SEASONS[number % 3], 4 + (number + (number % 3 == 2)) // 3
    return {"label": f"{season} '{year:02d}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def resources(session: Session, request: Request) -> Answer:
    """What a version has to offer."""
    return Answer(content={name: f"{base(request)}/{name}" for name in RESOURCES})


def objects(session: Session, request: Request) -> Answer:
    """All objects that the user may see, in short."""
    known = (kind for kind in session.org.schema.values() if session.org.has(kind.feature) and session.may(kind, "r"))
    listed = [_object(session, kind, base(request)) for kind in sorted(known, key=lambda kind: kind.name)]
    return Answer(content={"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})


def about(session: Session, request: Request) -> Answer:
    """One object in short."""
    kind = session.object(request.params["object"])
    return Answer(content={"objectDescribe": _object(session, kind, base(request)), "recentItems": []})


def describe(session: Session, request: Request) -> Answer:
    """One object with its fields, and the objects that refer to it."""
    kind = session.object(request.params["object"])
    more = {
        "actionOverrides": [],
        "childRelationships": list(_children(session, kind)),
        "compactLayoutable": True,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [_field(session, kind, one) for one in session.fields(kind)],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [_master_type(kind, base(request))],
        "searchLayoutable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {kind.plural.lower()}", "name": "everything"}],
    }
    return Answer(content=dict(sorted({**_object(session, kind, base(request)), **more}.items())))


def _object(session: Session, kind: SObject, at: str) -> dict[str, Any]:
    here = f"{at}/sobjects/{kind.name}"
    has = {letter: letter in kind.rights for letter in "nmr"}
    return {
        **dict.fromkeys(OBJECT_NEVER, False),
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": session.may(kind, "c"),
        "custom": False,
        "deepCloneable": False,
        "deletable": session.may(kind, "d"),
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "layoutable": kind.rights != "r",
        "mergeable": has["m"],
        "mruEnabled": has["n"],
        "name": kind.name,
        "queryable": True,
        "replicateable": has["r"],
        "retrieveable": True,
        "searchable": has["n"],
        "triggerable": has["r"],
        "undeletable": has["n"],
        "updateable": session.may(kind, "u"),
        "urls": {"describe": f"{here}/describe", "rowTemplate": f"{here}/{{ID}}", "sobject": here},
    }


def _children(session: Session, kind: SObject) -> Iterator[dict[str, Any]]:
    for child in session.org.schema.values():
        if not (session.org.has(child.feature) and session.may(child, "r")):
            continue
        for one in session.fields(child):
            if kind.name in one.parents:
                yield {
                    "cascadeDelete": one.cascade,
                    "childSObject": child.name,
                    "deprecatedAndHidden": False,
                    "field": one.name,
                    "junctionIdListNames": [],
                    "junctionReferenceTo": [],
                    "relationshipName": one.children,
                    "restrictedDelete": False,
                }


def _field(session: Session, kind: SObject, one: Field) -> dict[str, Any]:
    told = {
        **dict.fromkeys(NEVER, False),
        **dict.fromkeys(NOTHING),
        **_properties(session, kind, one),
        "byteLength": one.length * (1 if one.type in ("id", "reference") else 3),
        "compoundFieldName": one.compound,
        "custom": one.custom,
        "defaultValue": False if one.type == "boolean" else None,
        "digits": 9 if one.type == "int" else 0,
        "label": one.label,
        "length": one.length,
        "name": one.name,
        "nameField": one.name == "Name",
        "namePointing": len(one.parents) > 1,
        "picklistValues": [_value(value) for value in one.values],
        "polymorphicForeignKey": len(one.parents) > 1,
        "precision": one.precision,
        "referenceTo": list(one.parents),
        "relationshipName": one.relationship,
        "restrictedPicklist": one.restricted,
        "scale": one.scale,
        "soapType": SOAP.get(one.type, "xsd:string"),
        "type": one.type,
    }
    return dict(sorted(told.items()))


def _properties(session: Session, kind: SObject, one: Field) -> dict[str, bool]:
    return {
        "aggregatable": one.type not in NOT_AGGREGATED and one.can("f"),
        "autoNumber": one.can("A"),
        "calculated": one.can("K"),
        "createable": one.can("c") and session.may(kind, "c") and session.edits(kind, one),
        "defaultedOnCreate": one.can("D"),
        "externalId": one.can("E"),
        "filterable": one.can("f"),
        "groupable": one.can("g"),
        "idLookup": one.can("I") or one.can("E"),
        "nillable": one.can("n"),
        "permissionable": one.can("n") and one.can("u"),
        "sortable": one.can("s"),
        "unique": one.can("U"),
        "updateable": one.can("u") and session.may(kind, "u") and session.edits(kind, one),
    }


def _value(value: str) -> dict[str, Any]:
    return {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}


def _master_type(kind: SObject, at: str) -> dict[str, Any]:
    id = "012000000000000AAA"
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": id,
        "urls": {"layout": f"{at}/sobjects/{kind.name}/describe/layouts/{id}"},
    }


OPERATIONS = [
    operation("GET", "/services/data", versions, open=True),
    operation("GET", DATA, resources),
    operation("GET", f"{DATA}/sobjects", objects),
    operation("GET", f"{DATA}/sobjects/{{object}}", about),
    operation("GET", f"{DATA}/sobjects/{{object}}/describe", describe),
]
