"""The Salesforce project that admins deploy: it converts, passes its tests, and every name in it leads somewhere."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import simple_salesforce
from lxml import etree

from connector.cli.browser_round import PORT
from connector.cli.loopback import PATH
from connector.mapping import load_mapping

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "install" / "salesforce"
COMPONENT = PROJECT / "force-app/main/default/lwc/lamplighterContact"
MANIFEST = json.loads((PROJECT / "sfdx-project.json").read_text("utf-8"))
PARTS = [each["path"] for each in MANIFEST["packageDirectories"]]
README = (PROJECT / "README.md").read_text("utf-8")

METADATA = "http://soap.sforce.com/2006/04/metadata"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
RENAMED = {"Next_Product_Title": "Next_Product", "Suppressed_Families": "Suppressed_Items", "Rfm_Cell": "RFM_Cell"}
"""Where a field is not called as HubSpot's property is."""

FOLLOW_A_PARENT = {"OrderItem": "Order", "OpportunityLineItem": "Opportunity"}
"""Objects for which Salesforce has no rights of their own (CampaignMember and PricebookEntry are others)."""


def files(kind: str) -> list[Path]:
    """The metadata files of one kind, such as `permissionset`."""
    return sorted(path for part in PARTS for path in (PROJECT / part).rglob(f"*.{kind}-meta.xml"))


def name_of(path: Path) -> str:
    """What a file's component is called."""
    return path.name.split(".")[0]


def values(path: Path, *tags: str) -> list[str]:
    """The texts under a file's elements: `values(path, "filters", "field")`."""
    steps = "/".join(f"{{{METADATA}}}{tag}" for tag in tags)
    return [element.text or "" for element in etree.parse(path).iterfind(f".//{steps}")]


def permitted(name: str, kind: str, key: str) -> dict[str, set[str]]:
    """What a permission set says of each field or object: its elements that are true."""
    (path,) = (path for path in files("permissionset") if name_of(path) == name)
    found = etree.parse(path).iterfind(f"{{{METADATA}}}{kind}")
    rows = [{etree.QName(each).localname: each.text for each in one} for one in found]
    return {row.pop(key): {tag for tag, said in row.items() if said == "true"} for row in rows}


OURS = {name_of(path): path for path in files("field")}
CONNECTORS = [name_of(path) for path in files("permissionset") if "Connector" in path.name]


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """Salesforce's own schema of metadata, out of the WSDL that simple-salesforce brings."""
    wsdl = etree.parse(Path(simple_salesforce.__file__).with_name("metadata.wsdl"))
    found = wsdl.find(f".//{{{SCHEMA}}}schema[@targetNamespace='{METADATA}']")
    assert found is not None
    for root in ("CustomField", "CustomObject", "ListView", "PermissionSet", "ReportType", "Report", "ReportFolder"):
        etree.SubElement(found, f"{{{SCHEMA}}}element", name=root, type=f"tns:{root}")
    etree.SubElement(found, f"{{{SCHEMA}}}element", name="Package", type="tns:Package")
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


def described() -> Iterator[Path]:
    """The files that the schema describes: a component's has a part of its own that it does not."""
    for kind in ("field", "listView", "permissionset", "report", "reportFolder", "reportType"):
        yield from files(kind)
    yield from (PROJECT / "uninstall").glob("*.xml")


def test_every_file_obeys_salesforces_schema(schema: etree.XMLSchema) -> None:
    """Elements, their order and their values; a deployment would refuse anything else."""
    paths = list(described())
    assert len(paths) > 20
    for path in paths:
        schema.assertValid(etree.parse(path))


def test_the_schema_refuses_what_salesforce_would(schema: etree.XMLSchema) -> None:
    """The check above is worth something: a wrong type and a wrong order are both refused."""
    text = OURS["Lamplighter_Last_Purchase__c"].read_bytes()
    assert schema.validate(etree.fromstring(text))
    assert not schema.validate(etree.fromstring(text.replace(b">Date<", b">Day<")))
    label = re.search(rb" *<label>.*</label>\n", text)
    assert label is not None
    moved = text.replace(label[0], b"").replace(b"</CustomField>", label[0] + b"</CustomField>")
    assert not schema.validate(etree.fromstring(moved))


def test_every_property_has_its_field() -> None:
    """A contact shows a marketer the same in Salesforce as in HubSpot; days are dates, lines are long text."""
    kinds = {"date": "Date", "textarea": "LongTextArea", "text": "Text"}
    wanted = {}
    for each in load_mapping("hubspot", None).properties.values():
        name = each.foreign.removeprefix("lamplighter_").title()
        wanted[f"Lamplighter_{RENAMED.get(name, name)}__c"] = kinds[each.field_type]
    assert {name: values(path, "type")[0] for name, path in OURS.items()} == wanted


@pytest.mark.skipif(not (ROOT / "mappings/salesforce.yaml").exists(), reason="there is no Salesforce mapping yet")
def test_every_field_that_is_written_is_deployed() -> None:
    """By the names of the packaged mapping."""
    written = {each.foreign for each in load_mapping("salesforce", None).properties.values()}
    assert written == set(OURS)


def test_every_field_says_what_it_is() -> None:
    """To the admin in its description, to the marketer in its help text (510 characters at most); none is required."""
    for name, path in OURS.items():
        assert values(path, "fullName") == [name]
        assert values(path, "description")[0] and len(values(path, "label")[0]) <= 40
        assert 0 < len(values(path, "inlineHelpText")[0]) <= 510
        assert values(path, "required") in ([], ["false"])


@pytest.mark.parametrize("kind", ["listView", "report", "reportType"])
def test_every_field_that_is_shown_exists(kind: str) -> None:
    """A view or report that names another would stop the whole deployment."""
    assert files(kind)
    for path in files(kind):
        shown = re.findall(r"(Lamplighter_\w+__c)<", path.read_text("utf-8"))
        named = set(shown) - {"Lamplighter_Contacts__c"}  # a report type's name in its reports
        assert named and named <= set(OURS), path.name


def test_reports_use_the_report_type() -> None:
    """And no column that it does not offer."""
    (kind,) = files("reportType")
    offered = {f"Contact${field}" for field in values(kind, "columns", "field")}
    for path in files("report"):
        assert values(path, "reportType") == [f"{name_of(kind)}__c"]
        used = [("columns", "field"), ("groupingsDown", "field"), ("criteriaItems", "column")]
        assert {value for tags in used for value in values(path, *tags)} <= offered
        assert set(values(path, "dateColumn")) <= offered


def test_the_component_reads_our_fields_and_calls_nobody() -> None:
    """All of them, by Salesforce's own adapter; no Apex, no fetch, no other module."""
    sources = {path.name: path.read_text("utf-8") for path in COMPONENT.glob("*.js")}
    read = re.findall(r"@salesforce/schema/Contact\.(\w+)'", sources["fields.js"])
    assert sorted(read) == sorted(OURS)
    modules = {name for text in sources.values() for name in re.findall(r"from '([^'.]+)'", text)}
    ours = {name for name in modules if name.startswith("@salesforce/schema/")}
    assert modules - ours == {"lwc", "lightning/uiRecordApi", "@salesforce/i18n/locale", "@salesforce/i18n/timeZone"}
    assert not re.search(r"fetch\(|XMLHttpRequest|innerHTML", "".join(sources.values()))


def test_the_component_stands_on_pages_of_people() -> None:
    """Contacts, and accounts for person accounts; on no other page."""
    meta = COMPONENT / "lamplighterContact.js-meta.xml"
    assert values(meta, "target") == ["lightning__RecordPage"]
    assert values(meta, "object") == ["Contact", "Account"]
    assert values(meta, "isExposed") == ["true"]


def test_marketers_see_our_fields_and_change_nothing() -> None:
    """A field that is deployed is seen by nobody until a permission set says so."""
    seen = permitted("Lamplighter_Reader", "fieldPermissions", "field")
    assert seen == {f"Contact.{name}": {"readable"} for name in OURS}
    assert permitted("Lamplighter_Reader", "objectPermissions", "object") == {}


def test_the_connector_changes_our_fields_and_campaigns_only() -> None:
    """What people, orders and wishes say of themselves cannot be changed by it, whatever goes wrong."""
    editable = {
        field
        for name in CONNECTORS
        for field, rights in permitted(name, "fieldPermissions", "field").items()
        if "editable" in rights
    }
    assert {field for field in editable if not field.startswith("Campaign.")} == {f"Contact.{name}" for name in OURS}
    for name in CONNECTORS:
        rights = permitted(name, "objectPermissions", "object")
        assert not any("modifyAllRecords" in each for each in rights.values())
        assert {each for each in rights if rights[each] - {"allowRead", "viewAllRecords"}} <= {"Contact", "Campaign"}
        assert not rights.get("Contact", set()) & {"allowCreate", "allowDelete"}


def test_the_connector_sees_consent() -> None:
    """These fields are hidden from a new user; without them nobody would get mail."""
    seen = permitted("Lamplighter_Connector", "fieldPermissions", "field")
    assert {"Contact.HasOptedOutOfEmail", "Contact.DoNotCall", "Lead.HasOptedOutOfEmail"} <= set(seen)
    wishes = permitted("Lamplighter_Connector_Individuals", "fieldPermissions", "field")
    named = {field.partition(".")[2] for field in wishes if field.startswith("Individual.")}
    opted_out = {f"HasOptedOut{what}" for what in ("Processing", "Profiling", "Solicit", "Tracking")}
    assert named == opted_out | {"ShouldForget", "CanStorePiiElsewhere"}


def test_a_set_names_the_objects_of_its_fields() -> None:
    """Sight of a field is worth nothing without its object; objects without rights of their own are not named."""
    everywhere = set(permitted("Lamplighter_Connector", "objectPermissions", "object"))
    for name in CONNECTORS:
        objects = set(permitted(name, "objectPermissions", "object"))
        fields = {field.partition(".")[0] for field in permitted(name, "fieldPermissions", "field")}
        assert {FOLLOW_A_PARENT.get(each, each) for each in fields} <= objects | everywhere
        assert not objects & {*FOLLOW_A_PARENT, "CampaignMember", "PricebookEntry"}


def deployed() -> set[tuple[str, str]]:
    """Each component of the project: its kind in a manifest, and its name there."""
    kinds = {"permissionset": "PermissionSet", "reportType": "ReportType", "reportFolder": "Report"}
    found = {(kind, name_of(path)) for suffix, kind in kinds.items() for path in files(suffix)}
    found |= {("CustomField", f"Contact.{name}") for name in OURS}
    found |= {("ListView", f"Contact.{name_of(path)}") for path in files("listView")}
    found |= {("Report", f"{path.parent.name}/{name_of(path)}") for path in files("report")}
    return found | {("LightningComponentBundle", COMPONENT.name)}


def members(manifest: Path) -> list[tuple[str, str]]:
    """The components that a manifest names."""
    found = etree.parse(manifest).iterfind(f"{{{METADATA}}}types")
    rows = [[each.text or "" for each in one] for one in found]
    return [(row[-1], name.removesuffix("/")) for row in rows for name in row[:-1]]


def test_uninstalling_removes_all_that_was_deployed() -> None:
    """Once each; and what shows a field goes before the field."""
    first, last = (members(PROJECT / f"uninstall/destructiveChanges{when}.xml") for when in ("Pre", "Post"))
    assert sorted(first + last) == sorted(deployed())
    assert {kind for kind, _ in last} == {"CustomField", "ReportType"}
    assert members(PROJECT / "uninstall/package.xml") == []


def test_one_version_of_the_api_is_named() -> None:
    """The project's, everywhere; 66 or later, which has no login by password any more."""
    texts = [path.read_text("utf-8") for path in (PROJECT / "uninstall").glob("*.xml")]
    texts.append((COMPONENT / "lamplighterContact.js-meta.xml").read_text("utf-8"))
    versions = {found for text in texts for found in re.findall(r"<(?:apiVersion|version)>([\d.]+)<", text)}
    assert versions == {MANIFEST["sourceApiVersion"]}
    assert float(MANIFEST["sourceApiVersion"]) >= 66


def test_the_readme_names_what_is_there() -> None:
    """Folders and files in commands, permission sets by both their names, the redirect URL letter by letter."""
    for place in re.findall(r"--(?:source-dir|root-dir|manifest|[a-z]+-destructive-changes) (\S+)", README):
        assert (PROJECT / place).exists(), place
    assert set(re.findall(r"--name (\w+)", README)) == {name_of(path) for path in files("permissionset")}
    for path in files("permissionset"):
        assert f"**{values(path, 'label')[0]}**" in README
    assert f"`http://localhost:{PORT}{PATH}`" in README


def test_the_lock_names_the_public_registry_only() -> None:
    """Whoever installs gets the packages from where they are published, or from a mirror of their own."""
    lock = json.loads((PROJECT / "package-lock.json").read_text("utf-8"))
    places = {each["resolved"] for each in lock["packages"].values() if not each.get("link") and "resolved" in each}
    assert {place.split("/")[2] for place in places} == {"registry.npmjs.org"}


@pytest.fixture(scope="module")
def installed(npm_ci: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with its dependencies."""
    folder = tmp_path_factory.mktemp("project") / "salesforce"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("node_modules", ".sf", ".sfdx"))
    npm_ci(folder)
    return folder


def npm_run(folder: Path, script: str, *arguments: object, fails: bool = False) -> str:
    """What an npm script of the project says. Salesforce's command line keeps its files beside the copy."""
    command = ["npm", "run", "--silent", script, "--", *map(str, arguments)]
    quiet = {"SF_DISABLE_TELEMETRY": "true", "SF_SKIP_NEW_VERSION_CHECK": "true", "SF_AUTOUPDATE_DISABLE": "true"}
    told = {**os.environ, **quiet, "HOME": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=180, check=False)
    assert bool(done.returncode) is fails, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.node
def test_the_component_keeps_salesforces_rules(installed: Path) -> None:
    """Those that Salesforce checks components for."""
    assert "problem" not in npm_run(installed, "lint")


@pytest.mark.slow
@pytest.mark.node
def test_the_component_passes_its_tests(installed: Path) -> None:
    """Rendered with Salesforce's testing library, in all its states, and accessible."""
    assert re.search(r"Tests: +2\d passed, 2\d total", npm_run(installed, "test"))


@pytest.mark.slow
@pytest.mark.node
def test_salesforces_command_line_converts_the_project(
    installed: Path, tmp_path: Path, schema: etree.XMLSchema
) -> None:
    """Every part, without an org: it finds all that is there, and what would be sent obeys the schema."""
    for part in PARTS:
        npm_run(installed, "convert", "--root-dir", part, "--output-dir", tmp_path / part)
    manifests = list(tmp_path.rglob("package.xml"))
    assert len(manifests) == len(PARTS)
    assert {each for manifest in manifests for each in members(manifest)} == deployed()
    sent = [path for path in tmp_path.rglob("*") if path.is_file() and "lwc" not in path.parts]
    for path in sent:
        schema.assertValid(etree.parse(path))
    assert not list(tmp_path.rglob("*.test.js"))


@pytest.mark.slow
@pytest.mark.node
def test_salesforces_command_line_refuses_a_broken_project(installed: Path, tmp_path: Path) -> None:
    """The check above is worth something: a file of no kind that Salesforce knows is named."""
    (kind,) = (path.relative_to(PROJECT) for path in files("reportType"))
    broken = tmp_path / "salesforce"
    shutil.copytree(installed, broken, ignore=shutil.ignore_patterns("node_modules"))
    (broken / "node_modules").symlink_to(installed / "node_modules")
    misnamed = (broken / kind).rename(broken / str(kind).replace(".reportType", ".reportKind"))
    assert misnamed.name in npm_run(broken, "convert", "--root-dir", "force-app", "--output-dir", tmp_path, fails=True)
