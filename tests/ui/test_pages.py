"""Every page template drawn from invented data: markup rules of the ui reference, sections 5 and 10."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import RequestFactory
from lxml import html

from tests.ui import demo
from ui import gallery, pills

TEMPLATES = Path(__file__).parents[2] / "templates"
PAGES = {**demo.PAGES, "guide": ("ui/guide.html", gallery.context)}


@pytest.fixture(params=sorted(PAGES))
def page(request: pytest.FixtureRequest, rf: RequestFactory) -> html.HtmlElement:
    return draw(request.param, rf.get("/page/"))


def draw(name: str, request: HttpRequest) -> html.HtmlElement:
    template, context = PAGES[name]
    document = html.document_fromstring(render_to_string(template, context(), request))
    assert isinstance(document, html.HtmlElement)
    return document


@pytest.mark.requirement("SC.DMP/UX.11")
def test_the_record_shows_identity_status_allergy_and_choices_without_a_click(rf: RequestFactory) -> None:
    banner = draw("patient", rf.get("/")).find_class("banner")[0].text_content()
    for words in (
        "PAT-TROIS",
        "Identité qualifiée",
        "Allergie",
        "Ouvert – accès autorisé",
        "informé – non opposé",
    ):
        assert words in banner


@pytest.mark.requirement("SC.DMP/UX.11")
@pytest.mark.parametrize("status", ["PROV", "RECUP", "VALI", "QUAL"])
def test_the_banner_says_the_identity_status_in_words(status: str, rf: RequestFactory) -> None:
    drawn = render_to_string("dossier/_banner.html", {"banner": demo.banner(status=status)}, rf.get("/"))
    word = {"PROV": "provisoire", "RECUP": "récupérée", "VALI": "validée", "QUAL": "qualifiée"}[status]
    assert f"Identité {word}" in drawn


@pytest.mark.parametrize("state", sorted(pills.FAMILIES["dmp_access"]))
def test_the_dmp_fact_says_its_state_in_words_beside_the_identity(state: str, rf: RequestFactory) -> None:
    fact = demo.dmp_fact(state)
    drawn = render_to_string("dossier/_banner.html", {"banner": demo.banner(dmp=fact)}, rf.get("/"))
    assert pills.label("dmp_access", state) in drawn


@pytest.mark.requirement("SC.CDA/INT.08")
def test_every_row_says_the_origin_of_its_document_in_words(rf: RequestFactory) -> None:
    words = {pills.label("document_origin", origin) for origin in pills.FAMILIES["document_origin"]}
    rows = draw("patient", rf.get("/")).xpath("//tr[@data-row]")
    assert rows
    for row in rows:
        assert {tile.text_content() for tile in row.find_class("tile__word")} <= words
        assert len(row.find_class("tile__word")) == 1


def test_a_banner_without_alert_says_that_allergies_are_unknown(rf: RequestFactory) -> None:
    drawn = render_to_string("dossier/_banner.html", {"banner": demo.banner(alerts=[])}, rf.get("/"))
    assert "Allergies non renseignées" in drawn and "Aucune allergie connue" not in drawn


def test_the_matricule_is_never_in_the_page_before_it_is_asked(rf: RequestFactory) -> None:
    drawn = render_to_string("dossier/_banner.html", {"banner": demo.banner()}, rf.get("/"))
    assert "•••••" in drawn and not re.search(r"\d{13}", drawn)


def test_only_entries_given_are_in_the_rail(rf: RequestFactory) -> None:
    rail = draw("patient", rf.get("/")).find_class("rail")[0].text_content()
    assert "Dossier médical" in rail and "Prescriptions" not in rail


def test_no_reason_is_asked_beside_an_opposition(rf: RequestFactory) -> None:
    page = draw("choices", rf.get("/"))
    assert "Aucun motif n’est demandé ni enregistré." in page.text_content()
    assert not page.xpath("//textarea") and not page.xpath(
        "//main//input[contains(@name, 'motif') or contains(@name, 'reason')]"
    )


def test_a_refused_document_offers_links_and_no_validation(rf: RequestFactory) -> None:
    page = draw("refused", rf.get("/"))
    assert page.xpath("//dialog//a[@href='#bloc-synthese']")
    assert not page.xpath("//dialog//button[@name='decision']")


def test_there_is_no_inline_style_nor_script(page: html.HtmlElement) -> None:
    assert not page.xpath("//*[@style]") and not page.xpath("//style")
    assert not page.xpath("//script[not(@src)]")
    assert not page.xpath("//@*[starts-with(name(), 'on') or starts-with(name(), 'hx-on')]")


def test_the_pane_shows_what_was_asked_last() -> None:
    """A slow answer for one row never replaces that of the row chosen since: in every template."""
    asking = [
        (path.name, tag)
        for path in sorted(TEMPLATES.rglob("*.html"))
        for tag in re.findall(r'<[^<]*hx-target="#(?:apercu|dmp-contenu)"[^<]*', path.read_text("utf-8"))
    ]
    assert len(asking) > 10
    assert [name for name, tag in asking if 'hx-sync="#apercu:replace"' not in tag] == []


def test_identifiers_are_unique(page: html.HtmlElement) -> None:
    counted = Counter(page.xpath("//@id"))
    assert [name for name, times in counted.items() if times > 1] == []


def test_there_is_one_first_title_and_a_page_title(page: html.HtmlElement) -> None:
    assert len(page.xpath("//h1")) == 1
    assert page.findtext(".//title", "").strip()


def test_every_table_has_a_caption_and_scoped_headers(page: html.HtmlElement) -> None:
    for table in page.xpath("//table"):
        assert table.xpath("./caption")
        assert not table.xpath("./thead//th[not(@scope)]")


def test_every_form_that_writes_carries_its_token(page: html.HtmlElement) -> None:
    for form in page.xpath("//form[@method='post']"):
        assert form.xpath(".//input[@name='csrfmiddlewaretoken']")


def test_buttons_and_links_have_words(page: html.HtmlElement) -> None:
    for element in page.xpath("//button | //a[@href] | //summary"):
        assert element.text_content().strip() or element.get("aria-label"), html.tostring(element)


def test_references_point_to_something(page: html.HtmlElement) -> None:
    names = set(page.xpath("//@id"))
    for attribute in ("aria-labelledby", "aria-describedby", "for", "form"):
        for value in page.xpath(f"//@{attribute}"):
            assert set(value.split()) <= names, (attribute, value)


def test_every_icon_used_is_in_the_sprite(page: html.HtmlElement) -> None:
    assert {use.removeprefix("#") for use in page.xpath("//use/@href")} <= set(page.xpath("//symbol/@id"))


def test_htmx_runs_no_code_from_answers_and_keeps_no_history(rf: RequestFactory) -> None:
    config = draw("patient", rf.get("/")).xpath("string(//meta[@name='htmx-config']/@content)")
    for setting in (
        '"allowEval":false',
        '"allowScriptTags":false',
        '"includeIndicatorStyles":false',
        '"historyCacheSize":0',
    ):
        assert setting in config


@pytest.mark.parametrize("code", ["403", "403_csrf", "404", "500"])
def test_error_pages_say_what_is_safe_without_any_context(code: str) -> None:
    drawn = render_to_string(f"{code}.html")
    assert "Retour à l’accueil" in drawn and "patient" not in html.document_fromstring(drawn).findtext(
        ".//h1", ""
    )


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("ui/_*.html")), ids=lambda path: path.name)
def test_every_component_declares_its_inputs(template: Path) -> None:
    assert re.search(
        r"\{% comment %\}.*Inputs:.*\{% endcomment %\}", template.read_text(encoding="utf-8"), re.DOTALL
    )


def test_no_template_writes_style_or_code_inline() -> None:
    for template in TEMPLATES.rglob("*.html"):
        if "print" in template.parts:
            continue
        source = template.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*\bsrc=)|\son[a-z]+=", source), template
