"""SOQL read by recursive descent: text to tree. Source: SOQL and SOSL Reference, "SOQL SELECT Syntax"."""

from typing import Any

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_soql_tokens import END, NAME, NUMBER, SIGN, TEXT, TIME, Token, tokens, wrong

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
OF_DATES = frozenset(
    {
        "CALENDAR_YEAR",
        "CALENDAR_MONTH",
        "CALENDAR_QUARTER",
        "DAY_IN_MONTH",
        "DAY_ONLY",
        "HOUR_IN_DAY",
    }
)
COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
RESERVED = frozenset({"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "USING", "WITH", "FOR", "ALL"})


def parse(text: str) -> tree.Query:
    """The tree of a query. Fails with MALFORMED_QUERY, pointing to the first token that cannot stand where it does."""
    reader = _Reader(text)
    query = reader.query()
    if reader.now.kind != END:
        raise reader.unexpected()
    return query


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def unexpected(self) -> Failed:
        shown = f"'{self.now.text}'" if self.now.kind != END else "<EOF>"
        return wrong(self.text, self.now.at, f"unexpected token: {shown}")

    def take(self, *words: str) -> str:
        """The word or sign that comes next, if it is one of these; else nothing is taken."""
        said = self.now.word or (self.now.text if self.now.kind == SIGN else "")
        if said not in words or not said:
            return ""
        self.place += 1
        return said

    def expect(self, *words: str) -> str:
        if taken := self.take(*words):
            return taken
        raise self.unexpected()

    def name(self) -> str:
        if self.now.kind != NAME:
            raise self.unexpected()
        self.place += 1
        return self.tokens[self.place - 1].text

    def query(self) -> tree.Query:
        begin = self.now.at
        self.expect("SELECT")
        select = self.several(self.selected)
        self.expect("FROM")
        at, kind = self.now.at, self.name()
        while self.take("."):
            kind = self.name()  # the alias of the outer object, before a relationship's name
        alias = self.name() if self.take("AS") or (self.now.kind == NAME and self.now.word not in RESERVED) else ""
        if self.take("USING"):
            self.expect("SCOPE")
            self.name()
        parts = self.clauses()
        text = self.text if begin == 0 else self.text[begin : self.now.at]
        return tree.Query(text=text, select=tuple(select), object=kind, at=at, alias=alias, **parts)

    def clauses(self) -> dict[str, Any]:
        """What may follow the object, in its order."""
        said: dict[str, Any] = {}
        if self.take("WHERE"):
            said["where"] = self.condition()
        if self.take("WITH"):
            self.expect("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
        if self.take("GROUP"):
            self.expect("BY")
            said["group_by"] = tuple(self.several(self.expression))
        if self.take("HAVING"):
            said["having"] = self.condition()
        if self.take("ORDER"):
            self.expect("BY")
            said["order_by"] = tuple(self.several(self.ordering))
        said["limit"] = self.whole() if self.take("LIMIT") else None
        said["offset"] = self.whole() if self.take("OFFSET") else 0
        if self.take("FOR"):
            self.several(lambda: self.expect("VIEW", "REFERENCE", "UPDATE"))
        return said

    def several(self, one: Any) -> list[Any]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return found

    def whole(self) -> int:
        token = self.now
        if token.kind != NUMBER or not token.text.isdigit():
            raise self.unexpected()
        self.place += 1
        return int(token.text)

    def selected(self) -> tree.Selected:
        if self.take("("):
            inner = self.query()
            self.expect(")")
            return tree.Selected(inner)
        token = self.now
        if token.word == "FIELDS" and self.tokens[self.place + 1].text == "(":
            self.place += 2
            which = self.expect("ALL", "STANDARD", "CUSTOM")
            self.expect(")")
            return tree.Selected(tree.FieldsOf(which, token.at))
        what = self.expression()
        alias = self.name() if self.now.kind == NAME and self.now.word not in RESERVED else ""
        return tree.Selected(what, alias)

    def expression(self) -> tree.Expression:
        token = self.now
        known = token.word in AGGREGATES or token.word in OF_DATES
        if known and self.tokens[self.place + 1].text == "(":
            self.place += 2
            path = None if self.now.text == ")" and token.word == "COUNT" else self.inner()
            self.expect(")")
            return tree.Function(token.word, path, token.at)
        return self.path()

    def inner(self) -> tree.Path:
        """A function's argument; a change of time zone within changes nothing here, where every user is in GMT."""
        if self.take("CONVERTTIMEZONE"):
            self.expect("(")
            path = self.path()
            self.expect(")")
            return path
        return self.path()

    def path(self) -> tree.Path:
        at = self.now.at
        if self.now.word in RESERVED and self.tokens[self.place + 1].text != ".":
            raise self.unexpected()  # `Order` is an object as well
        names = [self.name()]
        while self.take("."):
            names.append(self.name())
        return tree.Path(tuple(names), at)

    def ordering(self) -> tree.Ordering:
        what = self.expression()
        descending = self.take("ASC", "DESC") == "DESC"
        last = bool(self.take("NULLS")) and self.expect("FIRST", "LAST") == "LAST"
        return tree.Ordering(what, descending, last)

    def condition(self) -> tree.Condition:
        """Parts joined all by AND or all by OR: a mixture needs parentheses."""
        parts = [self.part()]
        operator = self.take("AND", "OR")
        if not operator:
            return parts[0]
        parts.append(self.part())
        while self.take(operator):
            parts.append(self.part())
        return tree.Several(operator, tuple(parts))

    def part(self) -> tree.Condition:
        if self.take("NOT"):
            return tree.Negation(self.part())
        if self.take("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> tree.Condition:
        left = self.expression()
        if operator := self.take(*COMPARISONS, "LIKE"):
            return tree.Comparison(left, "!=" if operator == "<>" else operator, self.literal())
        operator = self.take("IN", "INCLUDES", "EXCLUDES")
        if not operator:
            self.expect("NOT")
            self.expect("IN")
            operator = "NOT IN"
        self.expect("(")
        inside = self.query() if self.now.word == "SELECT" else tuple(self.several(self.literal))
        self.expect(")")
        return tree.Membership(left, operator, inside)

    def literal(self) -> tree.Literal:
        token = self.now
        kind = _LITERALS.get(token.kind) or _WORDS.get(token.word)
        if token.kind == TIME:
            kind = "datetime" if "T" in token.text.upper() else "date"
        if kind is None and token.kind != NAME:
            raise self.unexpected()
        self.place += 1
        if kind:
            return tree.Literal(kind, token.text, token.at)
        return self.relative(token)

    def relative(self, token: Token) -> tree.Literal:
        """`TODAY`, `LAST_N_DAYS:7`; whether there is such a word is found out when it is worked out."""
        if not self.take(":"):
            return tree.Literal("range", token.word, token.at)
        return tree.Literal("range", f"{token.word}:{self.whole()}", token.at)


_LITERALS = {TEXT: "text", NUMBER: "number"}
_WORDS = {"TRUE": "boolean", "FALSE": "boolean", "NULL": "null"}
