"""What columns a query has, as the API tells it for `columns=true`; the command line asks before it prints a table."""

from typing import Any

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.salesforce_fields import NUMBERS, TEXTS
from connector.sandbox.salesforce_soql_conditions import Column
from connector.sandbox.salesforce_soql_sql import AGGREGATES, Compiler

APEX = {"reference": "Id", "id": "Id", "boolean": "Boolean", "int": "Integer", "date": "Date", "datetime": "Datetime"}


def column_metadata(compiled: Compiler) -> dict[str, Any]:
    """The columns of a query, parents' columns within their parents'."""
    names = [column.name for column in compiled.columns]
    return {
        "columnMetadata": _nested(compiled, [(column.name.split("."), column) for column in compiled.columns]),
        "entityName": compiled.kind.name,
        "groupBy": bool(compiled.query.group_by),
        "idSelected": "Id" in names,
        "keyPrefix": compiled.kind.prefix,
    }


def _nested(compiled: Compiler, columns: list[tuple[list[str], Column]]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    parents: dict[str, list[tuple[list[str], Column]]] = {}
    for names, column in columns:
        if len(names) == 1:
            told.append(_column(compiled, names[0], column))
        elif names[0] in parents:
            parents[names[0]].append((names[1:], column))
        else:
            inner = parents[names[0]] = [(names[1:], column)]
            told.append({**_shape(names[0]), "joinColumns": inner})
    return [{**one, "joinColumns": _nested(compiled, one["joinColumns"])} for one in told]


def _column(compiled: Compiler, name: str, column: Column) -> dict[str, Any]:
    aggregate = any(
        isinstance(one.what, tree.Function) and one.what.name in AGGREGATES for one in compiled.query.select
    ) and column not in [compiled.column(key) for key in compiled.query.group_by]
    field = compiled.kind.find(name)
    return {
        **_shape(name),
        "aggregate": aggregate,
        "apexType": APEX.get(column.type, "Double" if column.type in NUMBERS else "String"),
        "booleanType": column.type == "boolean",
        "custom": name.endswith(("__c", "__pc")),
        "insertable": bool(field and field.can("c")),
        "numberType": column.type in NUMBERS or column.type == "int",
        "textType": column.type in TEXTS,
        "updatable": bool(field and field.can("u")),
    }


def _shape(name: str) -> dict[str, Any]:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    }
