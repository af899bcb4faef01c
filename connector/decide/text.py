"""Values as text inside an expression: dates, amounts and JSON objects, the same on every engine."""

import ibis
import ibis.expr.types as ir

NONE = "none"
"""How an unknown value reads in a sentence."""


def day(moment: ir.TimestampValue) -> ir.StringValue:
    """`2026-09-12`, in the session's zone, which is UTC."""
    return moment.strftime("%Y-%m-%d")


def instant(moment: ir.TimestampValue) -> ir.StringValue:
    """`2026-09-12T14:03:00Z`."""
    return day(moment) + "T" + moment.strftime("%H:%M:%S") + "Z"


def plain(amount: ir.DecimalValue) -> ir.StringValue:
    """A decimal without the noughts at its end."""
    exact = amount.cast("decimal(18,4)")
    whole = exact.cast("int64")
    told = exact.cast("string").re_replace(r"\.?0+$", "")  # only of the few that are not whole: patterns are slow
    return ibis.ifelse(whole == exact, whole.cast("string"), told)


def amount(money: ir.DecimalValue) -> ir.StringValue:
    """Money with two places."""
    return money.cast("decimal(18,2)").cast("string")


def json_object(**members: ir.StringValue) -> ir.StringValue:
    """A JSON object of texts with sorted keys; a null stays null."""
    parts = [f'{", " if index else ""}"{name}": ' for index, name in enumerate(sorted(members))]
    text = ibis.literal("{")
    for part, name in zip(parts, sorted(members), strict=True):
        text = text + part + _quoted(members[name])
    return text + "}"


def _quoted(value: ir.StringValue) -> ir.StringValue:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').re_replace(r"[\x01-\x1f]", " ")
    text = ibis.ifelse(value.re_search(r'["\\\x01-\x1f]'), escaped, value)  # hardly any text needs it
    return ('"' + text + '"').coalesce("null")
