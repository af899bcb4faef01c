"""SOQL's date literals as spans of days. Users here are in GMT, and weeks begin on Sunday."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

Span = tuple[date, date]
"""The first day, and the day after the last."""
ONE = timedelta(days=1)


def span(text: str, today: date) -> Span:
    """What a date literal means on a day. Raises KeyError or ValueError for one that is none."""
    name, _, count = text.partition(":")
    if count:
        which, unit = name.split("_N_")
        return _COUNTED[which](_UNITS[unit], today, int(count))
    if name in _DAYS:
        begin = today + _DAYS[name] * ONE
        return begin, begin + ONE
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        return _COUNTED[name[:4]](_UNITS["DAYS"], today, 90)
    which, unit = name.split("_", 1)
    step = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    return _UNITS[f"{unit}S"](today, step)


def _days(day: date, steps: int) -> Span:
    begin = day + steps * ONE
    return begin, begin + ONE


def _weeks(day: date, steps: int) -> Span:
    begin = day - (day.isoweekday() % 7) * ONE + 7 * steps * ONE
    return begin, begin + 7 * ONE


def _month(day: date, steps: int, size: int) -> date:
    months = (day.year * 12 + day.month - 1) // size * size + steps * size
    return date(months // 12, months % 12 + 1, 1)


def _months(day: date, steps: int) -> Span:
    return _month(day, steps, 1), _month(day, steps + 1, 1)


def _quarters(day: date, steps: int) -> Span:
    return _month(day, steps, 3), _month(day, steps + 1, 3)


def _years(day: date, steps: int) -> Span:
    return _month(day, steps, 12), _month(day, steps + 1, 12)


Unit = Callable[[date, int], Span]

_UNITS: Mapping[str, Unit] = {
    "DAYS": _days,
    "WEEKS": _weeks,
    "MONTHS": _months,
    "QUARTERS": _quarters,
    "YEARS": _years,
    "FISCAL_QUARTERS": _quarters,
    "FISCAL_YEARS": _years,
}


def _last(unit: Unit, today: date, count: int) -> Span:
    """`LAST_N_DAYS:n` reaches to the end of today; other units end before the current one."""
    return unit(today, -count)[0], unit(today, 0)[1 if unit is _days else 0]


def _next(unit: Unit, today: date, count: int) -> Span:
    return unit(today, 1)[0], unit(today, count)[1]


_COUNTED = {"LAST": _last, "NEXT": _next}
_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
