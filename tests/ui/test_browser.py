"""Pages in Chromium: accessibility in both themes, reflow, keyboard (ui reference, sections 9 and 10)."""

import json
import re
from io import BytesIO
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.ui.conftest import PAGES, OpenPage

pytestmark = pytest.mark.browser

AXE_OPTIONS = {"rules": {"target-size": {"enabled": True}}}


def violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=AXE_OPTIONS).response["violations"]
    return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes'][:3]])}" for one in found]


@pytest.mark.parametrize("name", sorted(PAGES))
@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (320, "light")])
def test_pages_have_no_accessibility_violation(
    name: str, width: int, theme: str, open_page: OpenPage
) -> None:
    assert violations(open_page(name, width=width, theme=theme)) == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_never_scroll_sideways(name: str, open_page: OpenPage) -> None:
    page = open_page(name)
    for width in (1440, 1280, 1024, 768, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.requirement("SC.DMP/UX.11")
@pytest.mark.parametrize("width", [1024, 1280, 1440])
def test_what_matters_of_a_patient_is_visible_without_scrolling(width: int, open_page: OpenPage) -> None:
    page = open_page("patient", width=width)
    banner = page.get_by_role("region", name="Patient")
    for words in (
        "PAT-TROIS",
        "Identité qualifiée",
        "pénicilline",
        "Ouvert – accès autorisé",
        "informé – non opposé",
    ):
        expect(banner.get_by_text(words).locator("visible=true").first).to_be_in_viewport()


def test_the_banner_stays_two_lines_high_on_a_wide_screen(open_page: OpenPage) -> None:
    box = open_page("patient").locator(".banner").bounding_box()
    assert box and box["height"] <= 110


def test_the_list_of_shortcuts_opens_on_a_question_mark_and_gives_focus_back(open_page: OpenPage) -> None:
    page = open_page("unit")
    page.get_by_role("button", name="Raccourcis").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Raccourcis du clavier")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Raccourcis")).to_be_focused()


def test_single_keys_are_letters_inside_a_field(open_page: OpenPage) -> None:
    page = open_page("choices")
    field = page.get_by_label("Lit")
    field.fill("")
    field.press_sequentially("i?1")
    expect(field).to_have_value("i?1")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_slash_reaches_the_patient_search(open_page: OpenPage) -> None:
    page = open_page("unit")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Rechercher un patient")).to_be_focused()


def test_one_key_sets_both_choices_and_the_same_key_takes_it_back(open_page: OpenPage) -> None:
    page = open_page("choices")
    feed, read = (
        page.locator(f"input[name={name}][value=not_opposed]") for name in ("alimentation", "consultation")
    )
    expect(read).not_to_be_checked()
    page.keyboard.press("i")
    expect(feed).to_be_checked()
    expect(read).to_be_checked()
    page.keyboard.press("i")
    expect(page.locator("input[name=consultation][value=not_collected]")).to_be_checked()


def test_arrows_move_on_rows_and_space_checks(open_page: OpenPage) -> None:
    page = open_page("envois")
    rows = page.locator("tr[data-row]")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    checked = rows.nth(1).locator("input[data-check]").is_checked()
    page.keyboard.press("Space")
    assert rows.nth(1).locator("input[data-check]").is_checked() is not checked


def test_bulk_actions_are_offered_when_every_checked_order_allows_them(open_page: OpenPage) -> None:
    page = open_page("envois")
    expect(page.get_by_text("2 envois sélectionnés")).to_be_visible()
    bar = page.locator("[data-bulk]")
    expect(bar.get_by_role("button", name="Retenir")).to_have_attribute("aria-disabled", "false")
    expect(bar.get_by_role("button", name="Relancer")).to_have_attribute("aria-disabled", "true")
    expect(bar.get_by_role("button", name="Relancer")).to_have_accessible_description(
        "Impossible pour 2 envois de la sélection."
    )
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_a_range_is_checked_with_shift(open_page: OpenPage) -> None:
    page = open_page("envois")
    checks = page.locator("input[data-check]")
    checks.nth(4).click()
    checks.nth(7).click(modifiers=["Shift"])
    assert [checks.nth(at).is_checked() for at in range(4, 8)] == [True] * 4


def test_the_validation_panel_starts_on_its_title_and_confirms_with_control_enter(
    open_page: OpenPage,
) -> None:
    page = open_page("validation", answers={"/page/#": (200, "")})
    expect(page.get_by_role("heading", name="Valider la lettre de liaison")).to_be_focused()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.keyboard.press("Control+Enter")
    assert "decision=schedule" in (sent.value.post_data or "")


def test_a_refused_panel_leads_to_the_heading_to_fix(open_page: OpenPage) -> None:
    page = open_page("refused")
    page.get_by_role("link", name="Synthèse médicale du séjour").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Synthèse médicale du séjour")).to_be_focused()


def test_a_draft_is_saved_alone_and_says_so(open_page: OpenPage) -> None:
    saved = '<input type="hidden" name="revision" id="lettre-revision" value="8" hx-swap-oob="true">'
    page = open_page("letter-live", answers={"/brouillon/": (200, saved)})
    page.clock.install()
    page.get_by_label("Synthèse médicale du séjour").fill("Suites simples.")
    with page.expect_response("**/brouillon/"):
        page.clock.run_for(5100)
    expect(page.locator("[data-autosave-words]")).to_contain_text("Brouillon enregistré à")
    expect(page.locator("#lettre-revision")).to_have_value("8")


def test_a_draft_that_cannot_be_saved_is_kept_in_the_page_and_tried_again(open_page: OpenPage) -> None:
    page = open_page("letter-live", answers={"/brouillon/": (503, "")})
    page.clock.install()
    page.get_by_label("Synthèse médicale du séjour").fill("Suites simples.")
    with page.expect_response("**/brouillon/"):
        page.clock.run_for(5100)
    expect(page.locator("[data-autosave-words]")).to_have_text("Non enregistré, nouvel essai…")
    with page.expect_response("**/brouillon/"):
        page.clock.run_for(5100)
    expect(page.get_by_label("Synthèse médicale du séjour")).to_have_value("Suites simples.")


def test_a_draft_changed_elsewhere_is_not_overwritten(open_page: OpenPage) -> None:
    page = open_page("letter-live", answers={"/brouillon/": (409, "")})
    page.clock.install()
    page.get_by_label("Synthèse médicale du séjour").fill("Suites simples.")
    with page.expect_response("**/brouillon/"):
        page.clock.run_for(5100)
    expect(page.locator("[data-autosave-words]")).to_contain_text("Brouillon modifié ailleurs")


def row(uid: str, words: str) -> str:
    return f'<tr data-row id="envoi-{uid}"><td><input type="checkbox" data-check></td><td>{words}</td></tr>'


def test_a_work_list_that_refreshes_keeps_checks_and_moves_nothing(open_page: OpenPage) -> None:
    answer = "<tbody>" + row("1", "Reçu DMP") + row("99", "Nouvel ordre") + "</tbody>"
    page = open_page("envois-live", answers={"/envois/lignes/": (200, answer)})
    before = page.locator("tr[data-row]").count()
    with page.expect_response("**/envois/lignes/"):
        page.evaluate("htmx.trigger(document.body, 'actualiser')")
    expect(page.locator("#envoi-1")).to_contain_text("Reçu DMP")
    expect(page.locator("#envoi-1 input[data-check]")).to_be_checked()
    expect(page.locator("tr[data-row]")).to_have_count(before)
    expect(page.locator("[data-live-new]")).to_have_text("1 nouvelle ligne, afficher")


def test_a_failure_that_appears_in_the_counters_is_announced(open_page: OpenPage) -> None:
    answer = '<a class="bar__entry" href="#">Envois <span class="counter counter--bad">3 échecs</span></a>'
    page = open_page("envois-live", answers={"/compteurs/": (200, answer)})
    with page.expect_response("**/compteurs/"):
        page.evaluate("htmx.ajax('GET', '/compteurs/', {target: '.bar__menu', swap: 'innerHTML'})")
    expect(page.locator("#alertes")).to_have_text("3 échecs")


def test_holding_an_order_keeps_the_keyboard_on_its_row_and_offers_to_undo(open_page: OpenPage) -> None:
    toast = (
        '<div hx-swap-oob="beforeend:#toasts"><div class="toast" data-toast><p>Envoi retenu.</p>'
        '<form method="post"><button>Annuler</button></form></div></div>'
    )
    page = open_page("envois-hold", answers={"/retenir/": (200, row("1", "Retenu") + toast)})
    page.locator("#envoi-1").get_by_role("button", name="Retenir").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#envoi-1")).to_contain_text("Retenu")
    expect(page.locator("#envoi-1")).to_be_focused()
    expect(page.locator("#toasts")).to_contain_text("Envoi retenu.")


def test_a_toast_leaves_after_eight_seconds_unless_it_is_focused(open_page: OpenPage) -> None:
    page = open_page("unit")
    page.clock.install()
    toast = "<div data-toast><button>Annuler</button></div>"
    page.evaluate(
        "markup => document.getElementById('toasts').insertAdjacentHTML('beforeend', markup)", toast
    )
    page.locator("[data-toast] button").focus()
    page.clock.run_for(9000)
    expect(page.locator("[data-toast]")).to_have_count(1)
    page.locator("[data-toast] button").blur()
    page.clock.run_for(9000)
    expect(page.locator("[data-toast]")).to_have_count(0)


def test_g_then_a_letter_goes_to_a_list(open_page: OpenPage) -> None:
    page = open_page("unit")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile("#envois$"))


def test_treatments_are_added_and_removed(open_page: OpenPage) -> None:
    page = open_page("letter")
    names = page.get_by_label("Médicament")
    before = names.count()
    page.get_by_role("button", name="Ajouter un traitement").click()
    expect(names).to_have_count(before + 1)
    expect(names.last).to_be_focused()
    page.get_by_role("button", name="Retirer ce traitement").first.click()
    expect(names).to_have_count(before)


def test_a_heading_that_depends_on_an_answer_follows_it(open_page: OpenPage) -> None:
    page = open_page("letter")
    expect(page.get_by_label("Micro-organismes identifiés")).to_be_hidden()
    page.get_by_label("Recherché", exact=True).check()
    expect(page.get_by_label("Micro-organismes identifiés")).to_be_visible()


def test_a_remote_service_that_fails_says_so_in_its_place_without_holding_the_page(
    open_page: OpenPage,
) -> None:
    page = open_page("patient-late", answers={"/dmp/": (503, "")})
    fact = page.locator("#dmp-fact")
    expect(fact).to_contain_text("DMP indisponible (")
    expect(fact.get_by_role("button", name="Réessayer")).to_be_visible()
    expect(fact).to_have_attribute("aria-busy", "false")


def test_a_remote_service_that_answers_takes_its_place_and_is_announced(open_page: OpenPage) -> None:
    answer = '<div id="dmp-fact" class="fact is-ok" aria-busy="false"><dd data-announce>Ouvert</dd></div>'
    page = open_page("patient-late", answers={"/dmp/": (200, answer)})
    expect(page.locator("#dmp-fact")).to_have_text("Ouvert")
    expect(page.locator("#annonces")).to_have_text("Ouvert")


def test_the_preview_opens_over_the_list_on_a_narrow_screen(open_page: OpenPage) -> None:
    page = open_page(
        "patient-late", width=1024, answers={"/apercu/": (200, '<a href="?" data-pane-close>Fermer</a>')}
    )
    expect(page.locator("#apercu")).to_be_hidden()
    page.get_by_role("link", name="Cure de hernie inguinale droite").click()
    expect(page.locator("#apercu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#apercu")).to_be_hidden()


def test_the_theme_changes_at_once_and_is_sent_to_the_server(open_page: OpenPage) -> None:
    page = open_page("unit", answers={"/preferences/theme/": (204, "")})
    page.locator(".bar__user > summary").click()
    with page.expect_request("**/preferences/theme/") as sent:
        page.get_by_role("button", name="Sombre").click()
    assert 'name="theme"' in (sent.value.post_data or "")
    expect(page.locator("html")).to_have_attribute("data-theme", "sombre")


def test_paper_has_the_patient_and_no_tools(open_page: OpenPage) -> None:
    page = open_page("patient")
    page.emulate_media(media="print")
    expect(page.locator(".banner__name")).to_be_visible()
    for tool in (".bar", ".rail", ".pane", ".status", ".filters"):
        expect(page.locator(tool)).to_be_hidden()


def test_every_printed_page_says_whose_it_is_and_who_printed_it(open_page: OpenPage) -> None:
    page = open_page("patient")
    page.locator(".docs tbody").first.evaluate(
        "body => { for (let at = 0; at < 30; at += 1) body.append(body.rows[1].cloneNode(true)); }"
    )
    pages = PdfReader(BytesIO(page.pdf(format="A4"))).pages
    assert len(pages) > 1
    for number, sheet in enumerate(pages, start=1):
        text = sheet.extract_text()
        assert "PAT-TROIS Dominique · F · 28/03/1979 · IPP 000003" in text
        assert "Imprimé par Dr A. HODA" in text
        assert f"{number} / {len(pages)}" in text
