"""Making one of our own documents visible by a replacement through the PFI (dmp 0.2, path b).

For who has no open consultation of the DMP: same content, new version, MODIF_CONF_CODE, sent to the DMP and
to the former recipients. Feeding must be allowed: it is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from audit.context import Actor
from audit.errors import ApplicationError
from documents.enums import VersionState
from documents.models import Version
from documents.services import version_reissue, visibility_follow
from documents.wishes import Visibility
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason
from sending.facts import facts_of
from sending.models import Order
from sending.services.creating import order_key, site_finess
from sending.services.writing import append_event, trace

IMPOSSIBLE: Final = (
    "Ce document ne peut pas être rendu visible d’ici : contactez son auteur, ou passez par le site du DMP."
)
NOT_FED: Final = {
    OrderReason.OPPOSITION: (
        "Rien n’a été envoyé : le patient est opposé à l’alimentation. Ouvrez la consultation du DMP pour "
        "changer la visibilité, ou contactez l’auteur."
    ),
    OrderReason.INS_NOT_QUALIFIED: "Rien n’a été envoyé : l’INS du patient n’est plus qualifiée.",
    OrderReason.IDENTITY_DOUBTFUL: "Rien n’a été envoyé : l’identité du patient est douteuse.",
    OrderReason.IDENTITY_REVIEW: "Rien n’a été envoyé : l’identité du patient est en cours de révision.",
}
SENT: Final = "Une nouvelle version, visible, part vers le DMP et les destinataires de la précédente."
LOCAL: Final = "Document rendu visible : il n’avait pas encore quitté l’établissement."
FLAGGED: Final = "Document rendu visible au dossier : il n’est pas dans le DMP."


@dataclass(frozen=True, slots=True)
class Shown:
    """Whether the document was made visible, and the sentence for the person."""

    is_done: bool
    sentence: str


def visibility_replace(*, version: Version, to_patient: bool, to_guardians: bool, actor: Actor) -> Shown:
    """Show a document of ours to the patient or to representatives, by the way that is open.

    Never left: its flags change, nothing else. In the DMP: a new version through the PFI. From
    elsewhere, or replaced since: impossible from here.
    """
    version = Version.objects.select_related("document__patient", "document__episode").get(pk=version.pk)
    if version.snapshot is None or version.state != VersionState.CURRENT:
        return Shown(False, IMPOSSIBLE)
    wanted = Visibility(
        is_masque_ps=version.is_masque_ps,
        is_invisible_patient=version.is_invisible_patient and not to_patient,
        is_invisible_rep_legaux=version.is_invisible_rep_legaux and not to_guardians,
        is_connexion_secrete=version.is_connexion_secrete,
    )
    if not _is_in_dmp(version):
        has_left = Order.objects.filter(version=version, state__in=rules.LEFT_STATES).exists()
        visibility_follow(
            patient=version.document.patient,
            unique_id=version.unique_id,
            visibility=wanted,
            actor=actor,
            at=timezone.now(),
        )
        return Shown(True, FLAGGED if has_left else LOCAL)
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=OrderAction.VISIBILITY))
    if not gate.is_open:
        return Shown(False, NOT_FED.get(gate.reason, IMPOSSIBLE))
    try:
        version_reissue(version=version, actor=actor, visibility=wanted)
    except ApplicationError as error:
        return Shown(False, error.message)
    return Shown(True, SENT)


def visibility_order_create(*, version: Version, actor: Actor, at: datetime) -> Order | None:
    """The order of a version made for others to see it, unless a waiting one follows it already."""
    waiting = Order.objects.filter(version=version, channel=Channel.DMP)
    if waiting.exists():
        return None
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=OrderAction.VISIBILITY))
    order = Order.objects.create(
        version=version,
        channel=Channel.DMP,
        action=OrderAction.VISIBILITY,
        origin=OrderOrigin.FLUX,
        state=gate.state,
        reason=gate.reason,
        lineage=version.document.set_id,
        finess=site_finess(version),
        has_ins=version.has_ins,
        idempotency_key=order_key(version, Channel.DMP, OrderAction.VISIBILITY),
        not_before=at,
        created_at=at,
        changed_at=at,
    )
    append_event(order, kind="created", from_state="", actor=actor, at=at)
    trace(order, "order.create", actor)
    return order


def _is_in_dmp(version: Version) -> bool:
    """Whether this very version was given to the PFI for the DMP, or an older one that nothing follows.

    While the order of this version waits, or failed, it will leave with the new flags.
    """
    own = Order.objects.filter(version=version, channel=Channel.DMP).exclude(action=OrderAction.DELETE)
    latest = own.order_by("-id").first()
    if latest is not None:
        return latest.state in rules.LEFT_STATES
    return Order.objects.filter(
        lineage=version.document.set_id, channel=Channel.DMP, state__in=rules.LEFT_STATES
    ).exists()
