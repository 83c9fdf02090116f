"""What the record says of the DMP: the fact of the banner, the group of rows in the document list.

Sources: ui reference 6.3, 6.5, 7; spec dmp 6.2 to 6.4 (SC.DMP/UX.12, UX.14, UX.14.BIS, UX.14.TER, UX.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts.models import User
from dmp.criteria import SearchCriteria
from dmp.enums import AccessState, DocumentStatus
from dmp.models import RemoteDocument
from dmp.selectors import Filed, News
from dmp.services.status import Checked
from documents.enums import VersionState
from dossier.document_list import Mark, RowAction
from patients.models import Patient
from ui.components import Entry
from ui.french import hour
from ui.pills import label

ACTIONS: dict[AccessState, tuple[str, str, str]] = {
    AccessState.NOT_INFORMED: ("dossier:choices", "Recueillir", "user-check"),
    AccessState.NOTICE_TO_READ: ("dossier:notice", "Lire", "info"),
}
"""What the person may do about a state: name of the page, word, icon."""


@dataclass(frozen=True, slots=True)
class DmpFact:
    """Inputs of dossier/_dmp_fact.html. `late_url` asks for the counter; `ask_url` waits for a click."""

    state: AccessState
    detail: str = ""
    last: str = ""
    news: int | None = None
    invisible: int = 0
    news_url: str = ""
    retry_url: str = ""
    late_url: str = ""
    action_url: str = ""
    action_label: str = ""
    action_icon: str = ""


@dataclass(frozen=True, slots=True)
class NewsFact:
    """Inputs of dossier/_dmp_news.html: the counter beside the state."""

    known_url: str
    search_url: str
    list_url: str
    group_url: str = ""
    count: int = 0
    invisible: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class DmpRow:
    """One document of the DMP in the list, in the columns of the others."""

    uid: str
    act_date: datetime
    title: str
    type: str
    author: str
    unit: str
    origin: str
    marks: Sequence[Mark]
    url: str
    preview_url: str
    links: Sequence[Entry]
    actions: Sequence[RowAction]
    dialog_url: str
    is_new: bool
    again_url: str = ""
    group: str = "dmp"
    check_value: str = ""
    checked: bool = False
    version_note: str = ""
    selected: bool = False
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class DmpGroup:
    """Inputs of dossier/_dmp_group.html: the DMP section of the document list.

    `sentence` says what an action did; `search` the words of a search instead of « depuis le … ».
    """

    url: str
    rows: Sequence[DmpRow] = ()
    count: int = 0
    invisible: int = 0
    filed: int = 0
    since: datetime | None = None
    is_shown: bool = False
    is_search: bool = False
    sentence: str = ""
    failures: Sequence[str] = ()
    integrate_url: str = ""
    seen_url: str = ""
    all_url: str = ""
    close_url: str = ""
    narrowed: str = ""
    widen_url: str = ""
    takes_focus: bool = False
    unseen: int = 0


def fact_of_refusal(state: AccessState, patient: Patient, user: User) -> DmpFact:
    """The reason why nothing was asked of the DMP, and what to do about it."""
    name, word, icon = ACTIONS.get(state, ("", "", ""))
    if not name or (state == AccessState.NOT_INFORMED and not user.has_perm("consent.record")):
        return DmpFact(state)
    url = reverse(name, args=[patient.uid]) if state == AccessState.NOT_INFORMED else reverse(name)
    return DmpFact(state, action_url=url, action_label=word, action_icon=icon)


def fact_of(checked: Checked, patient: Patient, *, news_url: str, retry_url: str) -> DmpFact:
    """What the DMP answered, with the counter to come when access is open."""
    if checked.is_open:
        return DmpFact(checked.state, late_url=news_url)
    if checked.state == AccessState.CLOSED:
        return DmpFact(checked.state, detail=_closing_day(checked.closed_on))
    if checked.state == AccessState.UNAVAILABLE:
        last = ""
        if checked.last_state is not None and checked.last_at is not None:
            last = (
                f"à {hour(checked.last_at)} : {label('dmp_access', checked.last_state, short=True).lower()}"
            )
        return DmpFact(checked.state, detail=hour(checked.at), last=last, retry_url=retry_url)
    if checked.state == AccessState.REJECTED:
        return DmpFact(checked.state, detail=checked.sentence.rstrip("."), retry_url=retry_url)
    return DmpFact(checked.state)


def _closing_day(dtm: str) -> str:
    """`12/03/2025`, from the time of the closure as the DMP writes it."""
    day = dtm[:8]
    return f"{day[6:8]}/{day[4:6]}/{day[:4]}" if len(day) == 8 and day.isdecimal() else ""


def row_of_remote(document: RemoteDocument, user: User, filed: Mapping[str, Filed]) -> DmpRow:
    """One line: its metadata, its marks, what may be done (SC.DMP/UX.14, UX.14.BIS, UX.14.TER)."""
    here = filed.get(document.unique_id)
    open_url = reverse("dossier:dmp_document", args=[document.uid])
    may_integrate = here is None and user.has_perm("documents.import")
    integrate = RowAction(
        "Intégrer", "download", reverse("dossier:dmp_integrate", args=[document.patient.uid])
    )
    hides = document.is_invisible_patient or document.is_invisible_rep_legaux
    may_show = hides and user.has_perm("documents.visibility")
    is_back = may_refile(document, here, user)
    again_url = reverse("dossier:dmp_refile", args=[document.uid]) if is_back else ""
    return DmpRow(
        uid=f"dmp-{document.uid}",
        act_date=document.at,
        title=document.title or document.type_label or "Document sans titre",
        type=document.type_label or document.type_code,
        author=author_words(document),
        unit=document.institution,
        origin="patient" if document.is_of_patient else "in_dmp",
        marks=marks_of_remote(document, here),
        url=open_url,
        preview_url=open_url,
        links=(Entry("Voir", open_url, "eye"),),
        actions=(integrate,) if may_integrate else (),
        dialog_url=reverse("dossier:dmp_visibility", args=[document.uid]) if may_show else "",
        is_new=document.seen_at is None and here is None and not document.is_ours,
        again_url=again_url,
        check_value=str(document.uid) if may_integrate else "",
    )


def may_refile(document: RemoteDocument, here: Filed | None, user: User) -> bool:
    """Whether a document of others, deleted from the record, may be filed again by this person."""
    is_removed = here is not None and here.state == VersionState.DELETED
    return is_removed and not document.is_ours and user.has_perm("documents.import")


def author_words(document: RemoteDocument) -> str:
    """Person and specialty; a patient who deposits has neither."""
    return ", ".join(part for part in (document.author, document.specialty) if part)


def marks_of_remote(document: RemoteDocument, here: Filed | None) -> list[Mark]:
    """Visibility, then version marks, in the order of the local rows (EX_3.1-1080)."""
    flags = (
        (document.is_invisible_patient, "visibility", "invisible_patient"),
        (document.is_invisible_rep_legaux, "visibility", "invisible_rep_legaux"),
        (document.is_masque_ps, "visibility", "masque_ps"),
        (document.status == DocumentStatus.ARCHIVED, "version_mark", "archived"),
        (document.status == DocumentStatus.DEPRECATED or bool(document.replaced_by), "version_mark", "older"),
        (document.status == DocumentStatus.DELETED, "sending", "deleted_dmp"),
    )
    marks = [Mark(family, state) for is_set, family, state in flags if is_set]
    if here is not None and here.state == VersionState.DELETED:
        marks.append(Mark("version_mark", "removed_here"))
    elif here is not None:
        marks.append(Mark("version_mark", "already_here", f"v{here.number}"))
    elif document.is_ours:
        marks.append(Mark("version_mark", "ours"))
    return marks


def group_of(
    patient: Patient,
    user: User,
    documents: Iterable[RemoteDocument],
    filed: Mapping[str, Filed],
    *,
    since: datetime | None,
    with_filed: bool = False,
    sentence: str = "",
    failures: Sequence[str] = (),
    takes_focus: bool = False,
) -> DmpGroup:
    """The section of the list: what the record has not, and on demand what it has."""
    every = list(documents)
    missing = [one for one in every if one.unique_id not in filed]
    present = [one for one in every if one.unique_id in filed]
    shown = [*missing, *present] if with_filed else missing
    url = reverse("dossier:dmp_group", args=[patient.uid])
    return DmpGroup(
        url=url,
        rows=[row_of_remote(one, user, filed) for one in shown],
        count=len(missing),
        invisible=sum(one.is_invisible_patient for one in missing),
        filed=len(present),
        since=since,
        is_shown=True,
        sentence=sentence,
        failures=failures,
        integrate_url=_integrate_url(patient, user, missing),
        seen_url=reverse("dossier:dmp_seen", args=[patient.uid]),
        all_url="" if with_filed or not present else f"{url}?tout=1",
        takes_focus=takes_focus,
        unseen=sum(one.seen_at is None for one in missing),
    )


def group_of_search(
    patient: Patient,
    user: User,
    documents: Sequence[RemoteDocument],
    filed: Mapping[str, Filed],
    criteria: SearchCriteria,
    *,
    left_out: int,
    widen_url: str,
) -> DmpGroup:
    """What a search found, in the same section, with what it left out in words (dmp 6.4)."""
    words = ""
    if left_out:
        plural = "s" if left_out > 1 else ""
        words = f"{left_out} document{plural} écarté{plural} par vos critères."
    elif not documents and criteria != SearchCriteria():
        words = "Vos critères restreignent cette liste."
    missing = [one for one in documents if one.unique_id not in filed]
    return DmpGroup(
        url=reverse("dossier:dmp_group", args=[patient.uid]),
        rows=[row_of_remote(one, user, filed) for one in documents],
        count=len(documents),
        invisible=sum(one.is_invisible_patient for one in documents),
        filed=len(documents) - len(missing),
        is_shown=True,
        is_search=True,
        integrate_url=_integrate_url(patient, user, missing),
        close_url=reverse("dossier:dmp_group", args=[patient.uid]),
        narrowed=words,
        widen_url=widen_url if words else "",
        takes_focus=True,
    )


def _integrate_url(patient: Patient, user: User, missing: Sequence[RemoteDocument]) -> str:
    if not missing or not user.has_perm("documents.import"):
        return ""
    return reverse("dossier:dmp_integrate", args=[patient.uid])


def news_fact(patient: Patient, news: News, *, failed: bool = False, on_list: bool) -> NewsFact:
    """The counter, with where its click leads: the section of this page, or that of the record."""
    url = reverse("dossier:dmp_news", args=[patient.uid])
    place = "&liste=1" if on_list else ""
    return NewsFact(
        known_url=f"{url}?connu=1{place}",
        search_url=f"{url}?chercher=1{place}",
        list_url=f"{reverse('dossier:patient', args=[patient.uid])}?dmp=1#groupe-dmp",
        group_url=f"{reverse('dossier:dmp_group', args=[patient.uid])}?vu=1" if on_list else "",
        count=news.count,
        invisible=news.invisible,
        failed=failed,
    )
