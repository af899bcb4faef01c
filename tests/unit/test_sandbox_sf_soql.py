"""The sandbox's SOQL: what it selects, finds, orders and groups, and how it says what it does not understand."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from salesforce_caller import Caller, calling

from connector.sandbox.salesforce_soql_dates import span


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One org with four contacts for the whole file; nobody changes it."""
    with calling() as caller:
        caller.sandbox.levers["add_custom_field"]("Contact", "Likes__c multipicklist cufn =lamps|bulbs|shades")
        account = caller.add("Account", Name="O'Neil & Co", AnnualRevenue=1000)
        caller.contact("Adams", FirstName="Ann", Email="ann@example.com", AccountId=account, Likes__c="lamps;bulbs")
        caller.contact("Berg", Email="BERG@example.com", HasOptedOutOfEmail=True, Likes__c="lamps;shades")
        caller.contact("Cole_1", Birthdate="1990-05-17", AccountId=account, Description="50% off\nor more")
        caller.contact("Dunn%", Phone="+44 20 1")
        yield caller


def names(call: Caller, where: str) -> str:
    """Initials of the contacts that a condition holds for, in order."""
    return "".join(name[0] for name in call.column(f"SELECT LastName FROM Contact WHERE {where} ORDER BY LastName"))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("LastName = 'adams'", "A"),
        ("LastName != 'adams'", "BCD"),
        ("Email = null", "CD"),
        ("Email != null", "AB"),
        ("Email = ''", "CD"),
        ("Email != 'ann@example.com'", "BCD"),
        ("NOT Email = 'ann@example.com'", "BCD"),
        ("NOT (Email LIKE '%@example.com')", "CD"),
        ("LastName LIKE 'b%' OR LastName LIKE '_unn%'", "BD"),
        (r"LastName LIKE '%\%'", "D"),
        (r"LastName LIKE '%\_1'", "C"),
        ("LastName IN ('Adams', 'DUNN%')", "AD"),
        ("Email NOT IN ('ann@example.com')", "BCD"),
        ("Email NOT IN ('ann@example.com', null)", "BCD"),
        ("HasOptedOutOfEmail = TRUE", "B"),
        ("HasOptedOutOfEmail = false AND (Email != null OR Phone != null)", "AD"),
        ("LastName > 'b' AND LastName <= 'Cole_1'", "BC"),
        ("Birthdate < 2000-01-01", "C"),
        ("Birthdate = 1990-05-17", "C"),
        ("CreatedDate = TODAY", "ABCD"),
        ("CreatedDate < TODAY", ""),
        ("CreatedDate >= LAST_N_DAYS:1 AND CreatedDate <= NEXT_N_DAYS:1", "ABCD"),
        ("CreatedDate > 2000-01-01T00:00:00Z", "ABCD"),
        ("CreatedDate < 2000-01-01T00:00:00+01:00", ""),
        ("CreatedDate > 2000-01-01T00:00:00.000+0100", "ABCD"),
        ("Account.Name = 'o\\'neil & co'", "AC"),
        ("Account.AnnualRevenue >= 1000.00", "AC"),
        ("Account.Name = null", "BD"),
        ("Contact.Account.Owner.Username = 'admin@lamp.example'", "AC"),
        ("AccountId IN (SELECT Id FROM Account WHERE Name LIKE 'O%')", "AC"),
        ("Id NOT IN (SELECT ContactId FROM CampaignMember)", "ABCD"),
        ("AccountId NOT IN (SELECT Id FROM Account)", "BD"),
        ("Likes__c INCLUDES ('bulbs;lamps', 'shades')", "AB"),
        ("Likes__c INCLUDES ('bulbs')", "A"),
        ("Likes__c EXCLUDES ('bulbs')", "BCD"),
        ("NOT NOT LastName = 'Berg'", "B"),
    ],
)
def test_conditions(call: Caller, where: str, found: str) -> None:
    """Text without case, null as a value, wildcards and their escapes, dates, parents, sets, semi-joins."""
    assert names(call, where) == found


def test_what_is_selected_is_what_comes(call: Caller) -> None:
    """Fields as the schema spells them, parents nested or null, compound fields, times, in the order asked for."""
    found = call.soql(
        "select lastname, ACCOUNT.name, Account.Owner.Name, CreatedDate from contact c where c.FirstName='Ann'"
    )
    (record,) = found["records"]
    assert list(record) == ["attributes", "LastName", "Account", "CreatedDate"]
    assert record["attributes"]["url"].startswith("/services/data/v68.0/sobjects/Contact/003")
    assert record["Account"]["attributes"]["type"] == "Account"
    assert (record["Account"]["Name"], record["Account"]["Owner"]["Name"]) == ("O'Neil & Co", "Ada Reed")
    assert datetime.fromisoformat(record["CreatedDate"]).tzinfo is not None
    assert record["CreatedDate"].endswith(".000+0000")
    assert call.rows("SELECT Account.Name FROM Contact WHERE LastName = 'Berg'") == [{"Account": None}]


def test_fields_of(call: Caller) -> None:
    """FIELDS(STANDARD), and with a LIMIT of 200 FIELDS(CUSTOM) and FIELDS(ALL)."""
    custom = call.rows("SELECT Id, FIELDS(CUSTOM) FROM Contact WHERE LastName = 'Adams' LIMIT 200")[0]
    assert {"Customer_Id__c", "Likes__c"} < custom.keys()
    standard = call.rows("SELECT FIELDS(STANDARD) FROM Contact LIMIT 1")[0]
    assert "LastName" in standard
    assert "Likes__c" not in standard
    assert {"LastName", "Likes__c"} < call.rows("SELECT FIELDS(ALL) FROM Contact LIMIT 1")[0].keys()
    assert call.refused("SELECT FIELDS(ALL) FROM Contact")[0] == "MALFORMED_QUERY"


def test_order_limit_and_offset(call: Caller) -> None:
    """Nulls come first unless they are told to come last; ties stand in the order of ids."""
    by = "SELECT LastName FROM Contact ORDER BY"
    assert "".join(name[0] for name in call.column(f"{by} Email, LastName DESC")) == "DCAB"
    assert "".join(name[0] for name in call.column(f"{by} Email DESC NULLS LAST")) == "BACD"
    assert "".join(name[0] for name in call.column(f"{by} Account.Name NULLS LAST, LastName LIMIT 2 OFFSET 1")) == "CB"
    assert call.refused(f"{by} LastName OFFSET 2001")[0] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_counts_and_groups(call: Caller) -> None:
    """COUNT() is a size alone; groups are results with aliases or expr0; what is not grouped is refused."""
    assert call.soql("SELECT COUNT() FROM Contact WHERE Email != null") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }
    rows = call.rows(
        "SELECT Account.Name, COUNT(Id) n, MAX(Email) FROM Contact GROUP BY Account.Name ORDER BY COUNT(Id)"
    )
    assert rows == [
        {"Name": None, "n": 2, "expr0": "BERG@example.com"},
        {"Name": "O'Neil & Co", "n": 2, "expr0": "ann@example.com"},
    ]
    year = datetime.now(UTC).year
    grouped = "SELECT CALENDAR_YEAR(CreatedDate) y, COUNT_DISTINCT(AccountId) FROM Contact"
    assert call.rows(f"{grouped} GROUP BY CALENDAR_YEAR(CreatedDate)") == [{"y": year, "expr0": 1}]
    having = "SELECT HasOptedOutOfEmail o FROM Contact GROUP BY HasOptedOutOfEmail HAVING COUNT(Id) > 1"
    assert call.rows(having) == [{"o": False}]
    code, message = call.refused("SELECT LastName, COUNT(Id) FROM Contact")
    assert (code, "Field must be grouped or aggregated: LastName" in message) == ("MALFORMED_QUERY", True)


def test_children_come_with_their_parent(call: Caller) -> None:
    """A query within the select lists children as a result of their own; null where there are none."""
    found = call.rows("SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 1) FROM Account")
    assert found[0]["Contacts"] == {"totalSize": 1, "done": True, "records": [{"LastName": "Cole_1"}]}
    assert call.rows("SELECT (SELECT Id FROM Opportunities) FROM Account")[0] == {"Opportunities": None}
    code, message = call.refused("SELECT (SELECT Id FROM Friends) FROM Account")
    assert (code, "Didn't understand relationship 'Friends'" in message) == ("INVALID_TYPE", True)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("SELECT Id FORM Contact", "MALFORMED_QUERY", "Row:1:Column:16\nunexpected token: 'Contact'"),
        ("SELECT Id", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT FROM Contact", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM Contact WHERE Name = 'a", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Contact WHERE Name='a' AND Name='b' OR Name='c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Id FROM Contact WHERE Name = LAST_SOMETHING", "INVALID_FIELD", "must be of type string"),
        ("SELECT Id FROM Contact WHERE CreatedDate = SOMEDAY", "MALFORMED_QUERY", "unexpected token: 'SOMEDAY'"),
        ("SELECT Id FROM Contact LIMIT 1 WHERE Name = 'a'", "MALFORMED_QUERY", "unexpected token: 'WHERE'"),
        ("SELECT Id FROM Contact # comment", "MALFORMED_QUERY", "unexpected token: '#'"),
        ("SELECT Foo__c FROM Contact", "INVALID_FIELD", "No such column 'Foo__c' on entity 'Contact'."),
        ("SELECT Boss.Name FROM Contact", "INVALID_FIELD", "Didn't understand relationship 'Boss' in field path."),
        ("SELECT Id FROM Contacts", "INVALID_TYPE", "sObject type 'Contacts' is not supported."),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2020-01-01'", "INVALID_FIELD", "dateTime and should not be"),
        ("SELECT Id FROM Contact WHERE CreatedDate > 2020-01-01", "INVALID_FIELD", "dateTime and should not be"),
        ("SELECT Id FROM Contact WHERE Birthdate > 2020-01-01T00:00:00Z", "INVALID_FIELD", "of type date and should"),
        ("SELECT Id FROM Contact WHERE LastName = 3", "INVALID_FIELD", "of type string and should be enclosed"),
        (
            "SELECT Id FROM Contact WHERE HasOptedOutOfEmail = 'true'",
            "INVALID_FIELD",
            "should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Contact WHERE AccountId = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered in a query call"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", "can not be sorted in a query call"),
        ("SELECT Id, Id FROM Contact", "INVALID_FIELD", "duplicate field selected: Id"),
        ("", "MALFORMED_QUERY", "SOQL statement is missing"),
    ],
)
def test_what_it_does_not_understand(call: Caller, text: str, code: str, said: str) -> None:
    """Each error has Salesforce's code, points to its place, and says what is wrong there."""
    found, message = call.refused(text)
    assert (found, said in message) == (code, True), message


@pytest.mark.parametrize(
    ("literal", "begin", "end"),
    [
        ("YESTERDAY", "2026-11-20", "2026-11-21"),
        ("TOMORROW", "2026-11-22", "2026-11-23"),
        ("LAST_WEEK", "2026-11-08", "2026-11-15"),
        ("THIS_WEEK", "2026-11-15", "2026-11-22"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("LAST_90_DAYS", "2026-08-23", "2026-11-22"),
        ("LAST_N_DAYS:2", "2026-11-19", "2026-11-22"),
        ("NEXT_N_DAYS:2", "2026-11-22", "2026-11-24"),
        ("LAST_N_MONTHS:2", "2026-09-01", "2026-11-01"),
        ("NEXT_N_WEEKS:1", "2026-11-22", "2026-11-29"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("NEXT_N_QUARTERS:1", "2027-01-01", "2027-04-01"),
        ("LAST_FISCAL_YEAR", "2025-01-01", "2026-01-01"),
        ("THIS_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_N_YEARS:2", "2024-01-01", "2026-01-01"),
    ],
)
def test_date_literals(literal: str, begin: str, end: str) -> None:
    """Each is a span of whole days, seen from a Saturday in November."""
    assert span(literal, date(2026, 11, 21)) == (date.fromisoformat(begin), date.fromisoformat(end))


def test_a_word_that_is_no_date_literal_is_none() -> None:
    """Unknown words and units fail, whatever they look like."""
    for literal in ("SOMEDAY", "LAST_DECADE", "LAST_N_HOURS:3", "SOME_N_DAYS:3"):
        with pytest.raises((KeyError, ValueError)):
            span(literal, date(2026, 11, 21))


def test_now_is_the_org_s(call: Caller) -> None:
    """TODAY follows the sandbox clock."""
    call.sandbox.clock.advance(timedelta(days=2).total_seconds())
    try:
        assert names(call, "CreatedDate = TODAY") == ""
        assert names(call, "CreatedDate = LAST_N_DAYS:3") == "ABCD"
    finally:
        call.sandbox.clock.advance(-timedelta(days=2).total_seconds())
