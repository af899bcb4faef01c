"""Mapping files: what they may say, what they make of records, and how they complain."""

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import mappings
from connector import transforms
from connector.errors import SetupError
from connector.field_map import StreamMap
from connector.mapping import Mapping, load_mapping
from connector.schema import DERIVED, SEEN


def write(home: Path, text: str, name: str = "shop") -> Mapping:
    """Put a mapping into a home and load it."""
    (home / "mappings").mkdir(exist_ok=True)
    (home / "mappings" / f"{name}.yaml").write_text(text, "utf-8")
    return load_mapping(name, home)


def stream(home: Path, fields: str, table: str = "contact", more: str = "") -> StreamMap:
    """A mapping of one stream, its `fields` given as YAML lines."""
    body = "\n".join(f"      {line}" for line in fields.strip().splitlines())
    return write(home, f"streams:\n  it:\n    table: {table}\n{more}    fields:\n{body}\n").streams["it"]


def complaint(home: Path, text: str) -> str:
    """What loading `text` complains about."""
    with pytest.raises(SetupError) as caught:
        write(home, text)
    return caught.value.message


def one(home: Path, field: str, value: Any, table: str = "contact") -> Any:
    """A single value through a single field called x."""
    mapped = stream(home, field, table).rows([{"x": value}], {})
    return mapped.rejected[0][1] if mapped.rejected else mapped.table.to_pylist()[0][field.split(":")[0]]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("first_name: x", "  Dana ", "Dana"),
        ("first_name: x", 12, "12"),
        ("first_name: x", True, "true"),
        ("first_name: x", "   ", None),
        ("gender: {from: x, transform: lower}", "FEMALE", "female"),
        ("email: {from: x, transform: email}", " Dana@Example.COM ", "dana@example.com"),
        ("country: {from: x, transform: country}", "gb", "GB"),
        ("country: {from: x, transform: country}", "Deutschland", "DE"),
        ("country: {from: x, transform: country}", "United Kingdom", "GB"),
        ("email_opt_out: x", "TRUE", True),
        ("email_opt_out: x", False, False),
        ("created_at: x", "2010-01-06T13:08:00.000Z", datetime(2010, 1, 6, 13, 8, tzinfo=UTC)),
        ("created_at: x", "2010-01-06T13:08:00.1234567+02:00", datetime(2010, 1, 6, 11, 8, 0, 123456, tzinfo=UTC)),
        ("created_at: x", 1262783280000, datetime(2010, 1, 6, 13, 8, tzinfo=UTC)),
        ("created_at: x", "1262783280000", datetime(2010, 1, 6, 13, 8, tzinfo=UTC)),
        ("birth_date: x", "1980-02-29", date(1980, 2, 29)),
        ("birth_date: x", "1262736000000", date(2010, 1, 6)),
    ],
)
def test_value(tmp_path: Path, field: str, value: Any, expected: Any) -> None:
    """Each transform makes of a foreign value what its name says, and nothing of an empty one."""
    assert one(tmp_path, field, value) == expected


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("email: {from: x, transform: email}", "dana(at)example", "email: not an e-mail address"),
        ("phone: {from: x, transform: phone}", "12", "phone: not a phone number"),
        ("country: {from: x, transform: country}", "Atlantis", "country: no country"),
        ("email_opt_out: x", "maybe", "email_opt_out: neither true nor false"),
        ("created_at: x", "yesterday", "created_at: not a time"),
        ("created_at: x", "2010-01-06T13:08:00", "created_at: a time without its zone"),
        ("created_at: x", "9" * 30, "created_at: not a time"),
        ("first_name: x", ["a"], "first_name: a group of values"),
        ("first_name: x", "\ud800", "first_name: not valid text"),
        ("extra: {from: x, transform: json}", "{", "extra: not JSON"),
    ],
)
def test_unusable_value(tmp_path: Path, field: str, value: Any, reason: str) -> None:
    """A value that cannot be used rejects its row; the reason names the column and never repeats the value."""
    found = one(tmp_path, field, value)
    assert found.startswith(reason)
    assert str(value) not in found.removeprefix(field.split(":")[0])


@pytest.mark.parametrize(
    ("value", "price", "currency"),
    [("12.30 GBP", "12.3", "GBP"), ("eur 5", "5", "EUR"), ("0.00001USD", "0", "USD"), ("7", "7", None)],
)
def test_money(tmp_path: Path, value: str, price: str, currency: str | None) -> None:
    """An amount with its currency is two columns; without a code the currency is said to be missing."""
    fields = "price: {from: x, transform: money}\ncurrency: {from: x, transform: currency, on_error: null}"
    row = stream(tmp_path, fields, "product").rows([{"x": value}], {}).table.to_pylist()[0]
    assert (row["price"], row["currency"]) == (Decimal(price), currency)


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1_5", "1,5", "0x10", "1" * 15, "1e9999999", True, "12.30 pounds"]
)
def test_not_a_number(tmp_path: Path, value: Any) -> None:
    """Money is a finite decimal of at most 14 digits before the point, or nothing."""
    assert "unit_price: " in one(tmp_path, "unit_price: x", value, "order_line")


@pytest.mark.parametrize(("value", "number"), [("1e-9999999", "0"), ("-1E-500", "0"), ("1.5e3", "1500")])
def test_exponents(tmp_path: Path, value: str, number: str) -> None:
    """A number with an exponent is a number; however small, reading it does not end the process."""
    assert one(tmp_path, "unit_price: x", value, "order_line") == Decimal(number)


@pytest.mark.parametrize(("value", "number"), [("7", 7), ("7.0", 7), (-7, -7), ("7.5", None), ("9" * 30, None)])
def test_integer(value: Any, number: int | None) -> None:
    """A whole number may be written with a point, but not be a broken one."""
    column, wrong = transforms.apply(transforms.TRANSFORMS["integer"], [value], None)
    assert column.to_pylist() == [number]
    assert wrong == ({} if number is not None else {0: "not a whole number"})


def test_json(tmp_path: Path) -> None:
    """JSON is kept with its keys in order, from text or from an object."""
    assert one(tmp_path, "extra: {from: x, transform: json}", '{"b": 1, "a": 2}') == '{"a": 2, "b": 1}'
    assert one(tmp_path, "extra: {from: x, transform: json}", {"b": 1, "a": 2}) == '{"a": 2, "b": 1}'


def test_exact_decimals(tmp_path: Path) -> None:
    """Amounts stay exact to four digits, whichever way the column is read."""
    field = stream(tmp_path, "unit_price: x", "order_line")
    fast = field.rows([{"x": "6.95"}, {"x": "-80995.1"}, {"x": None}], {}).table
    slow = field.rows([{"x": 6.95}, {"x": "-80995.10000"}, {"x": " "}], {}).table
    assert fast.equals(slow)
    assert fast.column("unit_price").to_pylist() == [Decimal("6.9500"), Decimal("-80995.1000"), None]


def test_phone_needs_country(tmp_path: Path) -> None:
    """A national number is read in the country of its own row, wherever the file names the country."""
    fields = "phone: {from: p, transform: phone}\ncountry: {from: c, transform: country}"
    mapped = stream(tmp_path, fields).rows([{"p": "020 7946 0123", "c": "GB"}, {"p": "020 7946 0123"}], {})
    assert mapped.table.column("phone").to_pylist() == ["+442079460123"]
    assert mapped.rejected == [(1, "phone: not a phone number that can be dialled (and no country is known)")]


def test_first_filled_source(tmp_path: Path) -> None:
    """Of several sources the first that is filled counts, then the default."""
    fields = "phone: {from: [a, b], transform: text, default: none}"
    mapped = stream(tmp_path, fields).rows([{"a": "1", "b": "2"}, {"a": " ", "b": "2"}, {}], {})
    assert mapped.table.column("phone").to_pylist() == ["1", "2", "none"]


def test_values(tmp_path: Path) -> None:
    """`values` speaks before the transform; null is unknown; what it does not name goes on as it is."""
    field = "ads_consent: {from: x, values: {granted: true, denied: false, unknown: null, true: false}}"
    given = ["granted", "denied", "unknown", "yes", True, ""]
    mapped = stream(tmp_path, field).rows([{"x": value} for value in given], {})
    assert mapped.table.column("ads_consent").to_pylist() == [True, False, None, True, False, None]


def test_values_in_any_case(tmp_path: Path) -> None:
    """Shops write their states as they like; the exact spelling wins where both are named."""
    field = "status: {from: x, transform: lower, values: {refunded: returned, VOID: kept, void: cancelled}}"
    given = ["Refunded", "REFUNDED", "VOID", "Void", "Other"]
    mapped = stream(tmp_path, field, "order_header").rows([{"x": value} for value in given], {})
    assert mapped.table.column("status").to_pylist() == ["returned", "returned", "kept", "cancelled", "other"]


def test_nested_source(tmp_path: Path) -> None:
    """A dot leads into an object, unless a column of a file bears the dotted name itself."""
    field = stream(tmp_path, "product_id: properties.product_id", "interaction")
    records = [{"properties": {"product_id": "a"}}, {"properties": None}, {"properties.product_id": "b"}]
    assert field.rows(records, {}).table.column("product_id").to_pylist() == ["a", None, "b"]


def test_required(tmp_path: Path) -> None:
    """A record without a required column is kept aside, with what was wrong; its neighbours stay."""
    field = stream(tmp_path, "quantity: {from: x, required: true, on_error: null}", "order_line")
    mapped = field.rows([{"x": "1"}, {}, {"x": "many"}, {"x": "-2"}], {"key": ["a", "b", "c", "d"]})
    assert mapped.rejected == [(1, "quantity: is missing"), (2, "quantity: not a number")]
    assert mapped.table.column("key").to_pylist() == ["a", "d"]
    assert (mapped.kept, mapped.rejected_at) == (2, {1, 2})


def test_on_error_null(tmp_path: Path) -> None:
    """With `on_error: null` an unusable value is left empty and the row is kept."""
    assert one(tmp_path, "email: {from: x, transform: email, on_error: null}", "?") is None


def test_one_reason_a_row(tmp_path: Path) -> None:
    """A row with two faults is rejected once."""
    mapped = stream(tmp_path, "quantity: x\nunit_price: x", "order_line").rows([{"x": "?"}], {})
    assert mapped.rejected == [(0, "quantity: not a number")]


def test_extra(tmp_path: Path) -> None:
    """Further fields are kept together as JSON, sorted; empty ones are left out."""
    field = stream(tmp_path, "email: mail", more="    extra: [shoe_size, b, a]\n")
    mapped = field.rows([{"a": 1, "b": "", "shoe_size": "42"}, {}], {})
    assert mapped.table.column("extra").to_pylist() == ['{"a": 1, "shoe_size": "42"}', None]
    assert field.foreign_fields == ("mail", "shoe_size", "b", "a")


def test_fixed_columns(tmp_path: Path) -> None:
    """Given columns (one value, a list, an Arrow array) win over the mapping; the table has the schema's columns."""
    field = stream(tmp_path, "email: mail\ncrm: mail")
    versions = pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC"))
    mapped = field.rows([{"mail": "a"}, {"mail": "b"}], {"crm": "hubspot", "key": ["k", "l"], "version": versions})
    assert mapped.table.schema.equals(SEEN["contact"])
    assert mapped.table.column("crm").to_pylist() == ["hubspot", "hubspot"]
    assert mapped.table.column("key").to_pylist() == ["k", "l"]


def test_no_records(tmp_path: Path) -> None:
    """Nothing in, an empty table with the right columns out."""
    mapped = stream(tmp_path, "email: {from: mail, required: true}").rows([], {"key": [], "crm": "hubspot"})
    assert (mapped.table.num_rows, mapped.table.schema) == (0, SEEN["contact"])


def test_constant(tmp_path: Path) -> None:
    """A default without a source is the same for every row."""
    assert stream(tmp_path, "currency: {default: EUR}", "product").rows([{}], {}).table["currency"][0].as_py() == "EUR"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("emial: x", "line 6, streams.it.fields.emial: 'emial' is no column of table 'contact'; did you mean 'email'?"),
        ("email:\n  from: x\n  transform: e-mail", "line 8, streams.it.fields.email.transform: 'e-mail' is no tran"),
        ("email: {from: x, transform: e-mail}", "did you mean 'email'?"),
        ("email: {from: x, transform: time}", "'time' does not fit column 'email'; text, lower, email, phone, country"),
        ("email: {transform: email}", "streams.it.fields.email: 'from' is missing"),
        ("email: {form: x}", "'form' is no word here; did you mean 'from'?"),
        ("email: {from: {a: b}}", "must be a text, not a group"),
        ("email: {from: x, required: maybe}", "must be true or false, not a text"),
        ("email: {from: x, on_error: skip}", "must be null (leave the column empty) or reject"),
        ("- email", "must hold `name: value` lines, not a list"),
    ],
)
def test_complaint_about_a_field(tmp_path: Path, fields: str, says: str) -> None:
    """A mistake in a field is refused with file, line, field and the nearest valid word."""
    with pytest.raises(SetupError) as caught:
        stream(tmp_path, "\n" + fields, more="    object: contacts\n")
    assert says in caught.value.message
    assert caught.value.message.startswith(f"{tmp_path / 'mappings' / 'shop.yaml'}, line ")


PROPERTY = "label: b, type: string, field_type: text"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("streams:\n  it: {table: kontact, fields: {}}", "line 2, streams.it.table: 'kontact' is no table of the ware"),
        ("streams:\n  it: {table: kontact, fields: {}}", "did you mean 'contact'?"),
        ("streams:\n  it:\n    fields: {}", "streams.it: 'table' is missing"),
        ("streams:\n  it: {table: product, fields: {}, extra: [a]}", "'product' has no column for further fields"),
        ("stream: {}", "'stream' is no word here; did you mean 'streams'?"),
        ("- a", "must hold `name: value` lines, not a list"),
        (f"properties:\n  tier: {{name: a, {PROPERTY}, shows: trait.loyalty}}", "did you mean 'loyalty_tier'?"),
        (f"properties:\n  tier: {{name: a, {PROPERTY}, shows: traits.x}}", "did you mean 'trait'?"),
        ("properties:\n  tier: {label: b}", "properties.tier: 'name' is missing"),
        (
            "properties:\n" + "".join(f"  {key}: {{name: n, {PROPERTY}, shows: trait.spend}}\n" for key in "ab"),
            "line 2, properties.a.name: 'n' stands here twice",
        ),
        ("lists: {prefix: [a]}", "lists.prefix: must be a text, not a list"),
        ("streams: {it: &a {}, that: *a}", "aliases"),
    ],
)
def test_complaint(tmp_path: Path, text: str, says: str) -> None:
    """A mistake elsewhere is refused just so."""
    message = complaint(tmp_path, text)
    assert says in message
    assert message.startswith(str(tmp_path / "mappings" / "shop.yaml") + ", line ")


@pytest.mark.parametrize(
    ("needs", "says"),
    [({"order": ()}, "stream 'order' is missing"), ({"contact": ["phone", "gtin"]}, "column 'gtin' is missing")],
)
def test_needs(needs: dict[str, list[str]], says: str) -> None:
    """A mapping that leaves out what its reader cannot do without is refused."""
    with pytest.raises(SetupError, match=says):
        load_mapping("hubspot", None, needs)


def test_own_copy_wins(tmp_path: Path) -> None:
    """The home's copy is read instead of the packaged one."""
    own = write(tmp_path, "lists: {prefix: 'Lamps / '}", "hubspot")
    assert (own.list_prefix, load_mapping("hubspot", None).list_prefix) == ("Lamps / ", "Lamplighter: ")


def test_packaged_hubspot() -> None:
    """The packaged HubSpot mapping names the streams that may be read and the eight properties that marketers get."""
    mapping = load_mapping("hubspot", None)
    assert set(mapping.streams) == {"contact", "product", "order_header", "deal", "order_line"}
    assert len(mapping.properties) == 8
    assert all(each.foreign.startswith("lamplighter_") for each in mapping.properties.values())


def test_what_settings_say_is_part_of_the_digest() -> None:
    """A column that a setting fills reads its stream again when the setting changes; other streams are left alone."""
    plain = load_mapping("hubspot", None)
    chosen = plain.only({"contact", "product"}).with_source("contact", "subscription_opt_out", "hs_email_optout_7")
    assert set(chosen.streams) == {"contact", "product"}
    assert chosen.streams["contact"].fields["subscription_opt_out"].sources == ("hs_email_optout_7",)
    assert chosen.digest("contact") != plain.digest("contact")
    assert chosen.digest("product") == plain.digest("product")
    assert chosen.noted("product", "more").digest("product") != plain.digest("product")


def test_published_schema_knows_the_same_words() -> None:
    """mappings/schema.json, which editors use, offers exactly the tables, columns and transforms that are valid."""
    schema = json.loads((Path(mappings.__file__).parent / "schema.json").read_text("utf-8"))
    kinds = [each["properties"] for each in schema["$defs"]["stream"]["oneOf"]]
    columns = {each["table"]["const"]: each["fields"]["propertyNames"]["enum"] for each in kinds}
    assert columns == {name: table.names for name, table in SEEN.items()}
    assert schema["$defs"]["field"]["properties"]["transform"]["enum"] == list(transforms.TRANSFORMS)
    shown = schema["$defs"]["property"]["properties"]["shows"]["enum"]
    assert shown == [f"{table}.{column}" for table, columns in DERIVED.items() for column in columns.names]


def test_every_column_has_a_natural_transform() -> None:
    """Each column of the warehouse can be mapped without naming a transform."""
    kinds = {each.type for table in SEEN.values() for each in table}
    assert all(transforms.TRANSFORMS[transforms.natural(kind)].kind == kind for kind in kinds)


def test_speed() -> None:
    """200,000 order lines map in about a second: a first pull must not wait for Python."""
    line = {"hs_sku": "85048", "quantity": "-3", "price": "6.95", "hs_line_item_currency_code": "GBP"}
    records = [line | {"hs_lastmodifieddate": "2010-01-06T13:08:00.000Z"}] * 200_000
    start = time.process_time()
    mapped = load_mapping("hubspot", None).streams["order_line"].rows(records, {"version": None})
    assert mapped.kept == 200_000
    assert time.process_time() - start < 4
