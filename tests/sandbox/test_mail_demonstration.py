"""The mailboxes of the demonstration hospital are those of the operator of the sandbox."""

from dpi.demo import hospital
from sandbox.mail.boxes import APPLICATION_BOX, FIXED_BOXES, HOSPITAL_DOMAIN, Kind


def test_hospital_and_operator_name_the_same_mailboxes() -> None:
    described = {f"{name}@{hospital.MAIL_DOMAIN}" for name, _ in hospital.MAILBOXES}
    described |= {f"erreurs@{hospital.MAIL_DOMAIN}"}
    organisations = {box.address for box in FIXED_BOXES if box.kind is Kind.ORGANISATION}
    assert described == organisations
    assert f"pfi@{hospital.MAIL_DOMAIN}" == APPLICATION_BOX
    assert hospital.MAIL_DOMAIN == HOSPITAL_DOMAIN
    assert {code for _, code in hospital.MAILBOXES} <= {code for code, *_ in hospital.UNITS}
