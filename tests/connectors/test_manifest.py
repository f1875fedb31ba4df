"""A manifest that is wrong is refused when it is loaded, with file and line."""

from pathlib import Path

import pytest

from connectors.manifest import load
from schemas.errors import BadInput, InvalidDocument
from schemas.systems import Limits
from tests.connectors.small import SYSTEMS, small

SQL = """\
dataset:
  - fides_key: shop
    description: what Fides says and we do not use
    dsr:
      title: &text {fi: a, sv: b, en: c}
      register_part: shop
      reach: sql
      url_env: DSR_SHOP_URL
      recipient: {name: Shop, relation: processor, country: FI}
      purposes: [sales]
      sources: *text
      retention: *text
      suppress:
        - purposes: [marketing]
          table: buyers
          update: {identifiers: [email], set: {allowed: false}, as_of: at}
        - purposes: [surveys]
          table: stops
          insert: {email: email, purpose: purpose, at: at}
      restrict:
        - {table: buyers, set: {allowed: false}, lift: {allowed: true}}
    collections:
      - name: buyers
        dsr: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: allowed, data_categories: [user.privacy_preferences]}
          - {name: at}
      - name: crm.orders
        dsr: {erase: delete}
        fields:
          - name: buyer
            fidesops_meta: {references: [{dataset: shop, field: buyers.id, direction: from}]}
          - {name: details, fields: [{name: card, data_categories: [user.financial]}]}
      - name: stops
        dsr: {erase: delete}
        fields:
          - {name: email, fides_meta: {identity: email}}
          - {name: purpose}
          - {name: at}
"""
HTTP = """\
dataset:
  - fides_key: expert
    dsr:
      title: &text {fi: a, sv: b, en: c}
      register_part: training
      reach: http
      http:
        url_env: DSR_EXPERT_URL
        ca_env: DSR_EXPERT_CA
        domain: expert.example
        private_networks: [10.1.0.0/16]
      recipient: {name: Expert, relation: expert, country: FI}
      categories: [user.name]
      purposes: [training]
      sources: *text
      fields_sent: [name, employer, email]
      retention: *text
"""
HTTP_SECTION = HTTP[HTTP.index("      http:") : HTTP.index("      recipient:")]
MANUAL = """\
dataset:
  - fides_key: archive
    dsr:
      title: &text {fi: a, sv: b, en: c}
      register_part: archive
      reach: manual
      role: archivist
      recipient: {name: Archive, relation: controller, country: FI}
      categories: [user.name]
      purposes: [archiving]
      sources: *text
      retention: *text
"""


def told(folder: Path, text: str) -> str:
    (folder / "x.yaml").write_text(text)
    with pytest.raises(InvalidDocument) as caught:
        load(folder)
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_manifest_in_the_format_of_fides_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SQL)
    (tmp_path / "b.yml").write_text(MANUAL)

    shop, archive = load(tmp_path)

    assert shop.facts.categories == (
        "user.contact.email", "user.financial", "user.privacy_preferences",
    )  # fmt: skip
    assert shop.facts.suppresses == ("marketing", "surveys")
    assert shop.facts.restricts
    assert not shop.facts.records_consent
    assert [(t.schema_name, t.name) for t in shop.tables] == [
        ("public", "buyers"), ("crm", "orders"), ("public", "stops"),
    ]  # fmt: skip
    assert (archive.name, archive.facts.role, archive.url_env) == ("archive", "archivist", None)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("country: FI", "country: US", 9, "US is outside the EEA: state the safeguard"),
        ("country: FI", "country: GB, safeguard: {en: x}", 9, "GB is outside the EEA"),
        ("country: FI", "country: Finland", 9, "country: string should match pattern"),
        ("[user.contact.email]", "[user.contact.emial]", 27, "data category user.contact.emial is unknown"),
        ("[user.financial]", "[user.money]", 35, "data category user.money is unknown"),
        ("- name: buyers", "- name: 'buyers; drop table x'", 23, "is no table or column name"),
        ("- name: crm.orders", "- name: 'crm.'", 30, "is no table or column name"),
        ("{name: at}", '{name: "a\\"t"}', 29, "is no table or column name"),
        ("{name: at}", "{name: " + "ä" * 32 + "}", 29, "63 bytes"),
        ("field: buyers.id", "field: byuers.id", 34, "table byuers is not declared here"),
        ("field: buyers.id", "field: buyers.di", 34, "column di is not declared in buyers"),
        ("{dataset: shop, field", "{dataset: other, field", 34, "dataset other is another system"),
        ("direction: from", "direction: sideways", 34, "direction: input should be 'from' or 'to'"),
        ("{identity: email}}\n          - {name: allowed", "{identity: emial}}\n          - {name: allowed", 27, "identity emial is not a type of the policy; known: customer_number, email, phone"),
        ("      url_env: DSR_SHOP_URL\n", "", 7, "sql needs url_env"),
        ("DSR_SHOP_URL", "shop-url", 8, "url_env: string should match pattern"),
        ("      reach: sql", "      reach: carrier_pigeon", 7, "reach: input should be 'sql', 'http' or 'manual'"),
        ("          table: stops", "          table: stop", 18, "table stop is not declared here"),
        ("identifiers: [email]", "identifiers: [at]", 16, "column at of buyers names nobody"),
        ("set: {allowed: false}, as_of", "set: {alowed: false}, as_of", 14, "column alowed is not declared in buyers"),
        ("purpose: purpose, at: at", "purpose: purpose", 17, "insert needs a column for `at`"),
        ("purpose: purpose", "purpose: porpoise", 19, "porpoise is nothing to insert"),
        ("insert: {email: email, ", "insert: {", 19, "insert needs a column for an identifier"),
        ("          update: {identifiers: [email], set: {allowed: false}, as_of: at}\n", "", 14, "needs either update or insert"),
        ("sv: b, ", "", 5, "needs a text in every language of the replies; add sv"),
        ("      purposes: [sales]\n", "", 4, "purposes is missing; add it"),
        ("- name: stops", "- name: buyers", 36, "buyers is declared twice; keep one"),
        ("fides_key: shop", "fides_key: Shop!", 2, "fides_key: string should match pattern"),
        ("      reach: sql", "      reach: sql\n      categories: [user.name]", 8, "categories follows from the tables"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, sentence: str
) -> None:
    assert old in SQL

    text = told(tmp_path, SQL.replace(old, new, 1))

    assert sentence in text
    assert f"x.yaml:{line}: " in text or f"line {line}: " in text, text


KEEP = """\
        dsr:
          erase: keep
          retention: {reason: *text, provision: A law, years: 6, from: at, basis: date}
"""


@pytest.mark.parametrize(
    ("changes", "line", "sentence"),
    [
        ({1: ""}, 23, "buyers holds data of people and does not say how it is erased"),
        ({2: ""}, 30, "crm.orders holds data of people and does not say"),  # by its reference
        ({1: "dsr: {erase: burn}"}, 24, "erase: input should be 'delete', 'change' or 'keep'"),
        ({1: "dsr: {erase: delete, year: 6}"}, 24, "year is not a known key"),
        ({1: "dsr: {erase: keep}"}, 24, "buyers is kept without a reason; add retention"),
        ({1: KEEP.replace(", provision: A law", "")}, 26, "provision is missing; add it"),
        ({1: KEEP.replace("from: at", "from: day")}, 26, "column day is not declared in buyers"),
        ({1: KEEP.replace("keep", "delete")}, 26, "retention needs `erase: keep`"),
        ({1: KEEP.replace("basis: date", "basis: date, financial_year_ends: 02-30")}, 26, "is no day of every year"),
        ({2: KEEP.replace("from: at", "from: buyer")}, 35, "crm.orders keeps rows that refer to buyers, whose rows are deleted"),
        ({2: "dsr: {erase: change}"}, 31, "crm.orders changes nothing; give its fields erase_to"),
        ({1: "dsr: {erase: change}"}, 27, "email is the person's and has no erase_to"),
        ({1: "dsr: {erase: delete, ended: {column: over, period: 2 years}}"}, 24, "column over is not declared in buyers"),
        ({1: "dsr: {erase: delete, ended: {column: at, period: 2 weeks}}"}, 24, "is no period; write it as 6 months or 2 years"),
        ({2: "dsr: {erase: delete, ended: {column: buyer, period: 1 year}}"}, 31, "crm.orders names nobody"),
    ],
)  # fmt: skip
def test_what_could_not_be_erased_as_declared_is_refused_with_file_and_line(
    tmp_path: Path, changes: dict[int, str], line: int, sentence: str
) -> None:
    parts = SQL.split("        dsr: {erase: delete}\n")
    said = [changes.get(at, "dsr: {erase: delete}") for at in (1, 2, 3)]
    lines = [f"        {text.strip()}\n" if text else "" for text in said]

    text = told(tmp_path, "".join(p + d for p, d in zip(parts, [*lines, ""], strict=True)))

    assert sentence in text
    assert f"x.yaml:{line}: " in text or f"line {line}: " in text, text


@pytest.mark.parametrize(
    ("table", "dsr", "sentence"),
    [
        ({"id": "key = null", "a": "= 1"}, "change", "id is a primary key and cannot be changed"),
        ({"id": "key email", "a": "= 1"}, "change", "id names a person and is a primary key"),
        ({"id": "key", "a": "= 1"}, "delete", "erase_to needs a table that says `erase: change`"),
    ],
)
def test_a_column_that_could_not_be_changed_is_refused(
    table: dict[str, str], dsr: str, sentence: str
) -> None:
    with pytest.raises(InvalidDocument, match=sentence):
        small({"c": table}, erase={"c": {"erase": dsr}})


def test_a_table_without_data_of_people_says_nothing_and_a_zone_has_to_exist() -> None:
    products = {manifest.name: manifest for manifest in load(SYSTEMS)}["customers"].tables[1]
    assert (products.name, products.erase) == ("products", None)

    with pytest.raises(InvalidDocument, match="is no IANA time zone"):
        small({"c": {"id": "key"}}, time_zone="Europe/Nowhere")


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("      role: archivist\n", "", 6, "manual needs role, whose task it is"),
        ("      categories: [user.name]\n", "", 6, "manual needs categories"),
        ("role: archivist", "role: archivist\n      url_env: DSR_X_URL", 8, "url_env needs a database"),
        ("role: archivist", "role: archivist\n      limits: {}", 8, "limits belong to sql or http"),
    ],
)  # fmt: skip
def test_a_system_reached_by_hand_needs_somebody_and_no_database(
    tmp_path: Path, old: str, new: str, line: int, sentence: str
) -> None:
    assert told(tmp_path, MANUAL.replace(old, new, 1)).startswith(f"x.yaml:{line}: {sentence}")


def test_a_partner_over_http_is_loaded_with_what_may_be_called_and_sent(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HTTP)

    (expert,) = load(tmp_path)

    assert expert.http is not None
    assert (expert.http.domain, expert.http.url_env) == ("expert.example", "DSR_EXPERT_URL")
    assert [str(network) for network in expert.http.private_networks] == ["10.1.0.0/16"]
    assert expert.facts.fields_sent == ("name", "employer", "email")
    assert expert.url_env is None


def test_a_partner_has_limits_and_a_database_only_those_that_its_manifest_says(
    tmp_path: Path,
) -> None:
    own = "      limits: {per_minute: 12}\n      http:\n"
    (tmp_path / "a.yaml").write_text(HTTP)
    (tmp_path / "b.yaml").write_text(SQL)
    (tmp_path / "c.yaml").write_text(
        HTTP.replace("      http:\n", own).replace("fides_key: expert", "fides_key: other")
    )

    expert, shop, other = load(tmp_path)

    assert expert.facts.limits == Limits(per_minute=60, at_once=4, pause_after=5)
    assert shop.facts.limits is None
    assert other.facts.limits == Limits(per_minute=12)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("      http:\n", "      https:\n", 7, "dsr.https is not a known key"),
        (HTTP_SECTION, "", 6, "http needs http: {url_env, ca_env, domain}"),
        ("expert.example", "Expert", 10, "domain: string should match pattern"),
        ("10.1.0.0/16", "8.8.8.0/24", 11, "private_networks"),
        ("10.1.0.0/16", "10.1.2.3/16", 11, "private_networks"),
        ("      http:\n", "      limits: {per_minute: 0}\n      http:\n", 7, "limits.per_minute"),
        ("DSR_EXPERT_CA", "ca.pem", 9, "ca_env: string should match pattern"),
        ("      fields_sent: [name, employer, email]\n", "", 6, "http needs fields_sent"),
        ("employer, email]", "shoe_size]", 16, "shoe_size is nothing that can be sent; known: name, employer, address, customer_number, email, phone"),
        ("      categories: [user.name]\n", "", 6, "http needs categories"),
        ("      purposes", "      url_env: DSR_X_URL\n      purposes", 14, "url_env needs a database, and this system is reached over HTTP"),
        ("reach: http", "reach: manual\n      role: coordinator", 8, "http belongs to reach: http, and this says manual"),
    ],
)  # fmt: skip
def test_a_partner_over_http_that_is_wrong_is_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, sentence: str
) -> None:
    assert old in HTTP

    text = told(tmp_path, HTTP.replace(old, new, 1))

    assert text.startswith(f"x.yaml:{line}: ")
    assert sentence in text


def test_two_systems_cannot_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SQL)

    text = told(tmp_path, SQL)

    assert text.startswith("x.yaml:2: a system shop is declared in ")
    assert "a.yaml already; rename one" in text


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = told(
        tmp_path, SQL.replace("country: FI", "country: US").replace("user.financial", "user.money")
    )

    assert text.startswith("x.yaml:9: ")
    assert "line 35: data category" in text


def test_a_folder_without_manifests_or_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no system manifest"):
        load(tmp_path)
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidDocument, match=r"x\.yaml:1: is not UTF-8 text"):
        load(tmp_path)


def test_the_shipped_manifests_have_every_text_in_three_languages() -> None:
    for manifest in load(SYSTEMS):
        facts = manifest.facts
        texts = [facts.title, facts.sources, facts.retention]
        texts += [t for t in (facts.instructions, facts.recipient.safeguard) if t]
        assert all(len(set(text.values())) == 3 for text in texts), manifest.name
