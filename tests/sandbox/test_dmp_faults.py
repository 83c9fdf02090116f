"""The DMP misbehaves when told to, by the admin API and by Python."""

import threading
import time

import httpx
import pytest

from interop.soap import codes as soap
from interop.xds import codes as xds
from sandbox.dmp.faults import Effect, FaultBook, Occasion, UnknownEffectError
from sandbox.runtime import Sandbox
from tests.sandbox.wire import INS, Answer, DmpClient, Draft, q, read_answer

FEEDING = {"operation": "TD2.1"}


def tell(box: Sandbox, browser: httpx.Client, effect: str, **more: object) -> None:
    answer = browser.post(f"{box.addresses.admin_url}dmp/faults", json={"effect": effect, **more})
    assert answer.status_code == 200, answer.text


def count(box: Sandbox) -> int:
    return sum(not document.is_signature for document in box.dmp.registry.documents(INS))


def test_a_line_cut_after_receipt_keeps_the_document(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    tell(box, browser, "accepted_then_drop", match=FEEDING)
    draft = Draft()
    with pytest.raises(httpx.TransportError):
        hospital.submit(draft)
    assert count(box) == 1
    assert len(hospital.find(draft.letter.unique_id)) == 1
    assert hospital.submit(draft).errors[0][0] == xds.ERROR_DUPLICATE_UNIQUE_ID


def test_a_reset_keeps_nothing(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    tell(box, browser, "reset", match=FEEDING)
    draft = Draft()
    with pytest.raises(httpx.TransportError):
        hospital.submit(draft)
    assert count(box) == 0
    assert hospital.submit(draft).is_success


def test_a_hanging_service_stores_nothing_and_lets_the_sandbox_stop(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    tell(box, browser, "hang", match=FEEDING)
    hospital.line.timeout = httpx.Timeout(5, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        hospital.submit()
    assert count(box) == 0


def test_a_slow_service_answers_in_the_end(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    tell(box, browser, "delay:150", match=FEEDING)
    before = time.monotonic()
    assert hospital.submit().is_success
    assert time.monotonic() - before >= 0.15


def test_an_answer_sent_twice_is_there_twice(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    tell(box, browser, "answer_twice", match=FEEDING)
    first = hospital.submit()
    assert first.is_success
    assert count(box) == 1
    # On a line kept open, a careless client takes the second copy for the answer of its next request.
    second = hospital.submit()
    assert related_to(second) == related_to(first)


def related_to(answer: Answer) -> str | None:
    return answer.envelope.findtext(f".//{q(soap.NS_WSA, 'RelatesTo')}")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_web_page_may_come_instead_of_an_answer(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client, status: int
) -> None:
    tell(box, browser, f"http:{status}", match=FEEDING)
    answer = hospital.post_submission(Draft())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
    assert count(box) == 0


def test_a_chosen_fault_or_registry_error_is_answered(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    tell(box, browser, f"fault:{xds.DMP_INVALID_CERTIFICATE}", match=FEEDING)
    assert hospital.submit().fault[0] == xds.DMP_INVALID_CERTIFICATE
    tell(box, browser, f"registry:{xds.ERROR_REPOSITORY_BUSY}", match=FEEDING)
    assert hospital.submit().errors[0][0] == xds.ERROR_REPOSITORY_BUSY
    assert hospital.submit().is_success


def test_broken_and_hostile_xml_may_come_as_an_answer(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    tell(box, browser, "malformed")
    assert hospital.post_submission(Draft()).content == b"<soap:Envelope"
    tell(box, browser, "xxe")
    assert b"<!ENTITY" in hospital.post_submission(Draft()).content


def test_an_answer_may_come_without_mtom(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    tell(box, browser, "plain_answer")
    answer = hospital.post_submission(Draft())
    assert answer.headers["content-type"].startswith("application/soap+xml")
    assert read_answer(answer).is_success


def test_a_rule_chooses_its_requests(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    target = Draft()
    tell(
        box, browser, "registry:XDSRegistryBusy", times=2,
        match={"unique_id": target.letter.unique_id, "nth": 2},
    )  # fmt: skip
    assert hospital.submit().is_success
    assert hospital.submit(target).is_success
    for _ in range(2):
        assert hospital.submit(target).errors[0][0] == xds.ERROR_REGISTRY_BUSY
    assert hospital.submit(target).errors[0][0] == xds.ERROR_DUPLICATE_UNIQUE_ID


def test_rules_are_listed_and_cleared(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    tell(box, browser, "reset", times=5)
    address = f"{box.addresses.admin_url}dmp/faults"
    (rule,) = browser.get(address).json()
    assert (rule["effect"]["name"], rule["times"], rule["done"]) == ("reset", 5, 0)
    assert browser.delete(address).json() == []
    assert hospital.submit().is_success


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "melt"},
        {"effect": "delay"},
        {"effect": "delay:soon"},
        {"effect": "reset", "times": 0},
        {"effect": "reset", "match": {"colour": "blue"}},
        {"effect": "reset", "match": []},
        {"effect": 3},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    box: Sandbox, browser: httpx.Client, rule: dict[str, object]
) -> None:
    assert browser.post(f"{box.addresses.admin_url}dmp/faults", json=rule).status_code == 400


def test_an_effect_is_spent_once_among_many_threads() -> None:
    book = FaultBook()
    book.add("reset", times=3, operation="TD2.1")
    taken: list[Effect] = []

    def take() -> None:
        for _ in range(50):
            taken.extend(book.take(Occasion("TD2.1")))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [Effect("reset")] * 3


def test_an_effect_reads_its_argument() -> None:
    assert Effect.of("http:503") == Effect("http", "503")
    for text in ("http", "reset:1", "", "delay:x"):
        with pytest.raises(UnknownEffectError):
            Effect.of(text)
