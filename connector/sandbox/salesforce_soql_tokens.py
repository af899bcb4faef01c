"""SOQL's text cut into tokens, and the errors that point into it."""

from typing import NamedTuple

from connector.sandbox.salesforce_errors import Failed, failed

SIGNS = ("!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", ":")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
NAME, TEXT, NUMBER, TIME, SIGN, END = "name", "text", "number", "time", "sign", "end"


class Token(NamedTuple):
    """One word, literal or sign. A text keeps its escapes, since LIKE reads some of them."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """In capitals, as keywords are compared."""
        return self.text.upper() if self.kind == NAME else ""


def wrong(soql: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> Failed:
    """An error at a place of the query, shown as Salesforce does: the text around it, a mark, row and column."""
    row = soql.count("\n", 0, at) + 1
    column = at - (soql.rfind("\n", 0, at) + 1)
    begin = max(0, at - 40)
    piece = soql[begin : at + 40].replace("\n", " ")
    return failed(code, f"\n{piece}\n{' ' * (at - begin)}^\nERROR at Row:{row}:Column:{column + 1}\n{message}")


def tokens(soql: str) -> list[Token]:
    """All tokens, and an end. Fails with MALFORMED_QUERY for what is none."""
    found: list[Token] = []
    at = 0
    while at < len(soql):
        if soql[at].isspace():
            at += 1
            continue
        token = _token(soql, at)
        found.append(token)
        at += len(token.text) + (2 if token.kind == TEXT else 0)
    return [*found, Token(END, "", len(soql))]


def _token(soql: str, at: int) -> Token:
    one = soql[at]
    if one == "'":
        return Token(TEXT, soql[at + 1 : _closing(soql, at)], at)
    if one.isalpha() or one == "_":
        return Token(NAME, _run(soql, at, "_"), at)
    if one.isdigit() or (one in "+-." and soql[at + 1 : at + 2].isdigit()):
        return _figure(soql, at)
    for sign in SIGNS:
        if soql.startswith(sign, at):
            return Token(SIGN, sign, at)
    raise wrong(soql, at, f"unexpected token: '{one}'")


def _closing(soql: str, start: int) -> int:
    at = start + 1
    while at < len(soql):
        if soql[at] == "'":
            return at
        at += 2 if soql[at] == "\\" else 1
    raise wrong(soql, start, "unexpected token: '''")


def _run(soql: str, at: int, more: str) -> str:
    end = at
    while end < len(soql) and (soql[end].isalnum() or soql[end] in more):
        end += 1
    return soql[at:end]


def _figure(soql: str, at: int) -> Token:
    """A number, or a date or time: those have a dash after the year."""
    if soql[at : at + 4].isdigit() and soql[at + 4 : at + 5] == "-":
        return Token(TIME, _run(soql, at, "-+:."), at)
    sign = soql[at] if soql[at] in "+-" else ""
    return Token(NUMBER, sign + _run(soql, at + len(sign), "."), at)


def plain(text: str) -> str:
    """A text literal's value."""
    return "".join(value for value, _ in _unescaped(text))


def pattern(text: str) -> str:
    """A LIKE pattern for the database: `%` and `_` stand for others unless they were escaped."""
    return "".join(f"\\{value}" if escaped and value in "%_\\" else value for value, escaped in _unescaped(text))


def _unescaped(text: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] != "\\":
            found.append((text[at], False))
            at += 1
        elif text[at + 1] in "uU" and len(text) >= at + 6:
            found.append((chr(int(text[at + 2 : at + 6], 16)), True))
            at += 6
        else:
            found.append((ESCAPES.get(text[at + 1], text[at + 1]), True))
            at += 2
    return found
