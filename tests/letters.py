"""Many letters at once for tests: one is printed, the others are copies under their own identifiers."""

from __future__ import annotations

from django.utils import timezone

from documents.models import Document, Version
from documents.store import content_get, content_put
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order
from tests.hospital import Ward


def letters_to_send(ward: Ward, count: int) -> list[Order]:
    """`count` validated letters of one stay, each with an order that is due."""
    first = ward.write_letter()
    root = f"{first.unique_id}.9"
    documents = Document.objects.bulk_create(
        Document(
            patient=ward.patient,
            episode=ward.episode,
            unit=ward.unit,
            model=first.document.model,
            type_code=first.document.type_code,
            title=f"Lettre {number}",
            set_id=f"{root}.2.{number}",
            origins=first.document.origins,
        )
        for number in range(1, count)
    )
    versions = Version.objects.bulk_create(_copy(first, document, root) for document in documents)
    Order.objects.bulk_create(
        Order(
            version=version,
            channel=Channel.DMP,
            action=OrderAction.INITIAL,
            state=OrderState.SCHEDULED,
            lineage=version.document.set_id,
            idempotency_key=version.unique_id,
            not_before=timezone.now(),
        )
        for version in versions
    )
    return list(Order.objects.order_by("id"))


def _copy(version: Version, document: Document, root: str) -> Version:
    number = document.set_id.rpartition(".")[2]
    names = {"unique_id": f"{root}.1.{number}", "set_id": document.set_id}
    snapshot = version.snapshot or {}
    cda = content_get(version.cda_sha256)
    for name, copied in names.items():
        cda = cda.replace(snapshot["document"][name].encode(), copied.encode())
    return Version(
        document=document,
        state=version.state,
        author=version.author,
        author_label=version.author_label,
        unique_id=names["unique_id"],
        structure=version.structure,
        snapshot=snapshot | {"document": snapshot["document"] | names},
        body=version.body,
        identity_stamp=version.identity_stamp,
        has_ins=version.has_ins,
        cda_sha256=content_put(cda),
        pdf_sha256=version.pdf_sha256,
        act_at=version.act_at,
        validated_at=version.validated_at,
        validated_by=version.validated_by,
    )
