"""Inputs that somebody made to hurt: values, mutated documents, torn texts, bombs. The same for the same seed."""

import gzip
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import yaml

NAMES = [
    *(
        "../../../../etc/passwd",
        "..",
        "/etc/shadow",
        "a/../../b",
        "C:\\windows\\x",
        "con",
        "-rf",
        "--help",
        "~root",
        ".",
        "",
    ),
    *("'; DROP TABLE run; --", 'x" OR "1"="1', "1); DELETE FROM outbox; --", "%27%20OR%201=1", "$where", "Robert');--"),
    *("a\r\nX-Evil: 1", "a\nb", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", "%0d%0aSet-Cookie:a=b"),
    *(
        "\x00",
        "a\x00b",
        "\x1b[2J\x1b]0;owned\x07",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202egnp.exe",
        "\u2066x\u2069",
        "\ufeff",
    ),
    *("\ud800", "a\udcffb", "\udfff\ud800", "\U0010ffff", "e\u0301" * 50, "ﬀ", "İ", "ß" * 300, "😀" * 50, "\u200b"),
    *(
        "{missing}",
        "{0.__class__.__mro__}",
        "%s%s%n",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "$(id)",
        "`id`",
        "=cmd|'/c calc'!A0",
    ),
    *(
        "NaN",
        "1e999",
        "-0",
        "0x10",
        "9" * 5_000,
        "null",
        "true",
        "~",
        "x" * 100_000,
        "a" * 300,
        "!!python/name:os.system",
    ),
]
VALUES: list[Any] = [
    *NAMES,
    *(None, True, False, 0, -1, 1.5, 10**30, -(2**63), 10**400, float("inf"), float("-inf"), float("nan"), 1e308),
    *([], {}, [[]], [None], {"": {}}, {"a": {"b": {"c": []}}}, [{}] * 3, {1: 2}, {True: 1}, {None: None}, [1, "a", {}]),
    *(date(1, 1, 1), date(9999, 12, 31), datetime(2026, 9, 1, 12, 0, tzinfo=UTC), b"\xff\xfe\x00", {"x", "y"}),
]
BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9))
TEXTS: list[tuple[str, bytes]] = [
    ("aliases", BOMB.encode()),
    ("cyclic", b"a: &a [*a]\n"),
    ("merge keys", b"a: &a {b: 1}\nc: {<<: *a}\n"),
    ("object", b"a: !!python/object/apply:os.system ['touch owned']\n"),
    ("module", b"!!python/module:os {}\n"),
    ("own tag", b"a: !secret x\n"),
    ("deep list", b"[" * 100_000),
    ("deep map", b"".join(b" " * n + b"a:\n" for n in range(900))),
    ("deep flow", b"{a: " * 20_000),
    ("large scalar", b"a: '" + b"x" * 10_000_000 + b"'\n"),
    ("large number", b"hubspot: {timeout_seconds: " + b"9" * 20_000 + b"}\n"),
    ("many keys", b"".join(b"k%d: 1\n" % n for n in range(20_000))),
    ("twice", b"store: {url: ''}\nstore: {url: ''}\n"),
    ("two documents", b"a: 1\n---\nb: 2\n"),
    ("list key", b"? [a, b]\n: 1\n"),
    ("map key", b"? {a: b}\n: 1\n"),
    ("NUL", b"store: {url: 'a\x00b'}\n"),
    ("escape", b"store: {url: 'a\x1b[2Jb'}\n"),
    ("Latin-1", b"store: {url: caf\xe9}\n"),
    ("overlong UTF-8", b"a: \xc0\xaf\n"),
    ("UTF-16", "store: {url: x}\n".encode("utf-16")),
    ("UTF-32", "store: {url: x}\n".encode("utf-32")),
    ("surrogate", b"a: \xed\xa0\x80\n"),
    ("escaped surrogate", b'store: {url: "\\ud800"}\n'),
    ("NUL in a name", b'"a\\0b": 1\n'),
    ("tabs", b"store:\n\turl: x\n"),
    ("torn", b"store: {url: 'x\n"),
    ("no map", b"just words\n"),
    ("a list", b"- a\n- b\n"),
    ("a number", b"42\n"),
    ("bad date", b"a: 2026-13-45\n"),
    ("sexagesimal", b"a: 99:99:99:99\n"),
    ("bad binary", b"a: !!binary '!!!'\n"),
    ("set", b"a: !!set {x, y}\n"),
    ("omap", b"a: !!omap [x: 1]\n"),
    ("directive", b"%YAML 9.9\n---\na: 1\n"),
    ("gzip", gzip.compress(b"a: 1\n" * 1_000)),
    ("binary", bytes(range(256)) * 40),
    ("carriage returns", b"a: 1\rb: 2\r"),
]
"""YAML of every bad kind: name, bytes."""


def documents(good: Any, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` hostile files: all of TEXTS, then mutations of a good document, its structure or its bytes."""
    chance = random.Random(seed)
    yield from TEXTS[:count]
    for number in range(count - len(TEXTS)):
        made: Callable[[Any, random.Random], bytes] = chance.choice((_changed, _changed, _changed, _torn))
        yield f"mutation {number} of seed {seed}", made(good, chance)


def _changed(good: Any, chance: random.Random) -> bytes:
    """One to three places hold something else, are gone, or go by another name."""
    data = deepcopy(good)
    for _ in range(chance.randint(1, 3)):
        place, key = chance.choice(list(_places(data)))
        act = chance.random()
        if act < 0.7:
            place[key] = chance.choice(VALUES)
        elif act < 0.85 or isinstance(place, list):
            del place[key]
        else:
            place[chance.choice(NAMES)] = place.pop(key)
    return yaml.dump(data, allow_unicode=chance.random() < 0.5, Dumper=_Dumper).encode("utf-8", "surrogatepass")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    entries: Sequence[tuple[Any, Any]] = ()
    if isinstance(data, dict):
        entries = list(data.items())
    elif isinstance(data, list):
        entries = list(enumerate(data))
    for key, value in entries:
        yield data, key
        yield from _places(value)


def _torn(good: Any, chance: random.Random) -> bytes:
    """Bytes are inserted, cut or turned over."""
    data = bytearray(yaml.dump(good, Dumper=_Dumper).encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        act = chance.random()
        if act < 0.5:
            data[at:at] = chance.choice(NAMES).encode("utf-8", "surrogatepass")[:2_000]
        elif act < 0.8:
            data[at] = chance.randrange(256)
        else:
            del data[at : at + chance.randint(1, 60)]
    return bytes(data)


def files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` hostile event files and feeds."""
    chance = random.Random(seed)
    header = b"event_id,occurred_at,kind,key_type,key,product_id,campaign,cost\n"
    row = b"x1,2026-09-09T10:00:00.000Z,impression,anonymous_id,a1,PEN,retargeting,0.01\n"
    bombs = [
        ("a giant field", header + b'x1,"' + b"y" * 3_000_000 + b'"\n' + row),
        ("a field of many lines", header + b'x1,"' + b"y\n" * 300_000 + row),
        ("a million columns", b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + row),
        (
            "columns as many as a line holds",
            header[:-1] + b",c" * 400_000 + b"\n" + (row[:-1] + b"," * 400_000 + b"\n") * 40,
        ),
        ("a gzip bomb", gzip.compress(b"\0" * 300_000_000, 9)),
        ("a gzip bomb of rows", gzip.compress(header + row * 30_000, 1)),
        ("half a gzip", gzip.compress(header + row * 50)[:-20]),
        ("gzip in gzip", gzip.compress(gzip.compress(header + row))),
        ("deep JSON", b'{"a":' * 100_000),
        ("a huge number", b'{"type":"track","timestamp":' + b"9" * 400_000 + b"}\n"),
        ("no text", bytes(range(256)) * 500),
        ("Parquet that is none", b"PAR1" + b"\xff" * 5_000 + b"PAR1"),
        ("UTF-16", (header + row).decode().encode("utf-16")),
        ("nothing", b""),
        ("one header", header),
        ("NULs", b"\0" * 100_000),
    ]
    yield from bombs[:count]
    for number in range(count - len(bombs)):
        text = bytearray(header + row * 5)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(text))
            text[at:at] = chance.choice(NAMES).encode("utf-8", "surrogatepass")[:3_000]
        yield f"mutation {number} of seed {seed}", bytes(text)


def requests(seed: int, count: int, paths: Sequence[str], headers: Sequence[str]) -> Iterator[bytes]:
    """`count` things that somebody may say to a web server: nearly requests, and nothing of the kind.

    Args:
        headers: that let one in, to be said along with bad bodies.
    """
    chance = random.Random(seed)
    for _ in range(count):
        if chance.random() < 0.1:
            yield chance.randbytes(chance.randint(1, 5_000))
            continue
        yield _request(chance, paths, headers)


def _request(chance: random.Random, paths: Sequence[str], headers: Sequence[str]) -> bytes:
    word = lambda: chance.choice(NAMES).encode("utf-8", "surrogatepass")[:20_000]  # noqa: E731
    method = chance.choice(
        (b"GET", b"POST", b"POST", b"POST", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"\x00", word())
    )
    path = chance.choice(paths).encode() + (b"?" + word() if chance.random() < 0.3 else b"")
    body = _body(chance)
    length = chance.choice(
        (b"%d" % len(body), b"%d" % len(body), b"-1", b"9" * 40, b"0x10", b"1, 2", b"%d" % (len(body) + 9))
    )
    lines = [method + b" " + path + chance.choice((b" HTTP/1.1", b" HTTP/1.1", b" HTTP/9.9", b"", word()))]
    lines += [b"Host: x", b"Connection: close", b"Content-Length: " + length]
    lines += [chance.choice(headers).encode()] if chance.random() < 0.7 else []
    lines += [b"Content-Encoding: gzip"] if chance.random() < 0.2 else []
    lines += [b"Transfer-Encoding: chunked"] if chance.random() < 0.1 else []
    lines += [b"X-" + word() + b": " + word()] if chance.random() < 0.3 else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


MOMENTS = (b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+14:00", b"x")


def _body(chance: random.Random) -> bytes:
    name = chance.choice(NAMES)
    return chance.choice(
        [
            b"",
            b"{" * 30_000,
            b'{"batch":' + b"[" * 30_000,
            b"\xff\xfe\x00",
            gzip.compress(b"0" * 5_000_000),
            b'{"a":1e999999,"b":NaN}',
            b'{"userId":"\\ud800","anonymousId":"\\u0000"}',
            b"[" + b"0," * 50_000 + b"0]",
            str({"type": "track", "event": name}).encode("utf-8", "surrogatepass"),
            b'{"type":"track","anonymousId":"a","event":"Product Viewed","timestamp":"%s","properties":{"sku":"%s"}}'
            % (chance.choice(MOMENTS), name[:50].encode("utf-8", "replace")),
            b'{"batch":[{"type":"track"},7,null,{"type":[]}],"sentAt":{}}',
            b'{"kind":"view","id":"a","consent":{"granted":true,"tcfString":"' + b"C" * 30_000 + b'"}}',
        ]
    )
