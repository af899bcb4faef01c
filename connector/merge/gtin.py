"""Global Trade Item Numbers: GTIN-8, -12 (UPC), -13 (EAN) and -14 in one form, and what is wrong with those that fail.

The check digit is that of GS1: of the digits from the right, each second one counts three times, the others once, and
the sum is a multiple of 10.
"""

import ibis
import ibis.expr.types as ir

LENGTHS = (8, 12, 13, 14)
OF_A_STORE = ("2", "02", "04", "98", "99")
"""GS1 prefixes of a shop's own numbers and of coupons: https://support.google.com/merchants/answer/6324461"""


def gtin14(text: ir.StringValue) -> ir.StringValue:
    """The 14 digits; null where there is no valid number."""
    valid = (_sum(text) % 10 == 0) & ~_is_of_a_store(text) & (_number(text) > 0)
    return ibis.ifelse(valid, _digits(text).lpad(14, "0"), ibis.null("string"))


def gtin_fault(text: ir.StringValue) -> ir.StringValue:
    """Why a number that is there is no valid one; null where it is, or where nothing stands."""
    return ibis.cases(
        (_digits(text).fill_null("") == "", ibis.null("string")),
        (~_is_number(text), "not 8, 12, 13 or 14 digits (was a leading zero lost?)"),
        (_number(text) == 0, "zeros only"),
        (_sum(text) % 10 != 0, "wrong check digit"),
        (_is_of_a_store(text), "a number for use within one shop"),
        else_=ibis.null("string"),
    )


def _digits(text: ir.StringValue) -> ir.StringValue:
    return text.replace(" ", "").replace("-", "")


def _is_number(text: ir.StringValue) -> ir.BooleanValue:
    digits = _digits(text)
    return digits.length().isin(LENGTHS) & digits.re_search("^[0-9]+$")


def _number(text: ir.StringValue) -> ir.IntegerValue:
    """As a whole number; null where it is none."""
    return ibis.ifelse(_is_number(text), _digits(text), ibis.null("string")).cast("int64")


def _sum(text: ir.StringValue) -> ir.IntegerValue:
    number = _number(text)
    weighed = (number // 10**at % 10 * (3 if at % 2 else 1) for at in range(max(LENGTHS)))
    return sum(weighed, ibis.literal(0, type="int64"))


def _is_of_a_store(text: ir.StringValue) -> ir.BooleanValue:
    thirteen = _digits(text).lpad(14, "0").substr(1)
    return ibis.or_(*(thirteen.startswith(each) for each in OF_A_STORE))
