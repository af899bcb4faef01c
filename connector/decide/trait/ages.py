"""How old somebody is, and when they turn older: by the calendar of UTC, from the day of birth that the CRM knows."""

from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from connector.relations import Moment, at
from connector.rule_words import AGE_BANDS

OLDEST = 120
"""Whoever would be older has another day of birth than the CRM believes."""
_STARTS = (0, 18, 25, 35, 45, 55, 65)
"""First year of each of AGE_BANDS."""


def aged(person: ir.Table, as_of: Moment) -> ir.Table:
    """`person` [birth_date] with `age`, `age_band` and `birthday_at`, the beginning of the next birthday.

    Whoever was born on 29 February turns older on 1 March in other years. Days of birth that lie ahead, or more than
    OLDEST years back, tell nothing.
    """
    today = _beginning(as_of)
    year = today.year
    had_it = (_birthday(person.birth_date, year) <= at(today.moment)).fill_null(False)
    years = year - person.birth_date.year() - ibis.ifelse(had_it, 0, 1)
    age = ibis.ifelse(years.between(0, OLDEST), years.cast("int64"), ibis.null("int64"))
    ahead = ibis.ifelse(had_it, _birthday(person.birth_date, year + 1), _birthday(person.birth_date, year))
    bands = [(age >= start, band) for start, band in zip(_STARTS, AGE_BANDS, strict=True)]
    return person.mutate(age=age, age_band=ibis.cases(*bands[::-1]), birthday_at=ahead)


def _birthday(birth: ir.DateValue, year: int | ir.IntegerValue) -> ir.TimestampValue:
    """The beginning of the birthday in a year."""
    month, day = birth.month(), birth.day()
    moved = (month == 2) & (day == 29) & ~_leap(year)
    month, day = ibis.ifelse(moved, 3, month), ibis.ifelse(moved, 1, day)
    return ibis.date(year, month, day).cast("timestamp('UTC')")


def _leap(year: int | ir.IntegerValue) -> ir.BooleanValue:
    if isinstance(year, int):
        return ibis.literal(isleap(year))
    return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)


@dataclass(frozen=True)
class _Day:
    """A day's beginning and its year, in UTC."""

    moment: Moment
    year: int | ir.IntegerValue


def _beginning(moment: Moment) -> _Day:
    if isinstance(moment, datetime):
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return _Day(day, day.year)
    return _Day(moment.truncate("D"), moment.year())
