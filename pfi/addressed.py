"""To which mailboxes of the hospital a received mail was addressed (spec hl7v2 3.2, RCT; mssante 2.4, 2.7).

A mail is read in an application mailbox, where a rule of another mailbox often brought it: the unit that it
is for is told by who forwarded it, by Delivered-To, by To and Cc. Addresses of strangers are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority, Organisation
from interop.hl7v2.mdm import Participant
from interop.mail.codes import HEADER_FORWARDER
from interop.mail.errors import MailRefused
from interop.mail.opening import OpenedMail, read_addresses
from interop.mail.writing import check_address
from mssante.enums import MailboxKind
from mssante.models import Mailbox
from mssante.rules import address_key
from mssante.selectors import mailboxes_at

MAX_RECIPIENTS: Final = 20
_RANKS: Final = {MailboxKind.ORG: 0, MailboxKind.PER: 1, MailboxKind.CAB: 1, MailboxKind.APP: 2}
_UNKNOWN_RANK: Final = 3


def own_domains(mailbox: Mailbox) -> set[str]:
    """Domains of the hospital, as it reads that mailbox."""
    return {mailbox.domain, *(domain.lower() for domain in settings.MSS_INTERNAL_DOMAINS)}


def recipients_of_mail(mail: OpenedMail, mailbox: Mailbox) -> tuple[Participant, ...]:
    """One PRT RCT for each mailbox of ours that the mail names, the one that read it included. 1 query.

    Those of the directory of mailboxes come first, people before software, each with the unit that reads
    it; then addresses of our domains that the directory does not know.
    """
    named = list(dict.fromkeys([*_named(mail), address_key(mailbox.address)]))
    known = mailboxes_at(named)
    own = own_domains(mailbox)
    kept = [key for key in named if key in known or (key.rpartition("@")[2] in own and _is_usable(key))]
    kept.sort(key=lambda key: _RANKS[MailboxKind(known[key].kind)] if key in known else _UNKNOWN_RANK)
    return tuple(
        Participant(
            codes.Participation.RECIPIENT,
            organisation=_organisation(known[key]) if key in known else None,
            address=known[key].address if key in known else key,
        )
        for key in kept[:MAX_RECIPIENTS]
    )


def _named(mail: OpenedMail) -> Iterator[str]:
    """The addresses that the headers of a mail say it was for, the most telling first, as compared."""
    headers = (HEADER_FORWARDER, "Resent-From", "Delivered-To")
    written = [value for name in headers for value in mail.all_headers(name)]
    for address in (*read_addresses(written), *mail.recipients):
        yield address_key(address.email)


def _organisation(mailbox: Mailbox) -> Organisation:
    """PRT-8: the unit that reads a mailbox, by its code and the FINESS of its site; else its name alone."""
    unit = mailbox.reading_unit
    if unit is None or not unit.is_active:
        return Organisation(mailbox.label)
    return Organisation(unit.name, Authority(unit.site.finess), codes.ID_UNIT, unit.code)


def _is_usable(address: str) -> bool:
    try:
        check_address(address, "To")
    except MailRefused:
        return False
    return True
