"""Browser pages of a provider: the choice of a person, the end of a session."""

from urllib.parse import urlsplit

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from sandbox.html import page
from sandbox.psc.model import AuthorizationRequest, Session
from sandbox.psc.profiles import Profile
from sandbox.psc.provider import Provider
from sandbox.serving import Response


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def picker_page(provider: Provider, request: AuthorizationRequest, current: Session | None) -> Response:
    """Who are you? The person of the open session comes first."""
    profile = provider.profile
    people = sorted(provider.people, key=lambda person: current is None or person is not current.person)
    rows = []
    for person in people:
        is_current = current is not None and person is current.person
        name = f"{person.exercise_civility.title()} {person.given} {person.family}".strip()
        rows.append(
            E.LI(
                E.BUTTON(
                    E.STRONG(f"Poursuivre en tant que {name}" if is_current else name),
                    E.SPAN(person.label, E.CLASS("muted")),
                    type="submit",
                    name="professional",
                    value=person.key,
                    **({"class": "primary"} if is_current else {}),
                )
            )
        )
    form = E.FORM(
        E.INPUT(type="hidden", name="request", value=request.request_id),
        _means_choice(profile),
        E.H2("Professionnels de démonstration"),
        E.UL(E.CLASS("people"), *rows),
        E.BUTTON("Annuler", type="submit", name="cancel", value="1"),
        method="post",
        action=f"/{profile.slug}/auth",
    )
    introduction = E.P(
        "Choisissez la personne qui s'identifie. Le service réel demanderait ici sa carte CPS ou son e-CPS."
        if profile.slug == "psc"
        else "Choisissez la personne qui s'identifie auprès du centre hospitalier."
    )
    # Browsers apply form-action to the redirection that follows the form as well.
    return page(
        profile.title,
        introduction,
        form,
        form_targets=(_origin(request.redirect_uri),),
        service=profile.title,
    )


def _means_choice(profile: Profile) -> etree._Element:
    choices = []
    for index, means in enumerate(profile.means):
        checked = {"checked": "checked"} if index == 0 else {}
        choices.append(
            E.LABEL(E.INPUT(type="radio", name="means", value=means.code, **checked), f" {means.label}")
        )
    return E.FIELDSET(E.LEGEND("Moyen d'identification"), *choices)


def signed_out_page(profile: Profile) -> Response:
    return page(
        "Vous êtes déconnecté", E.P(f"Votre session {profile.title} est fermée."), service=profile.title
    )


def confirm_page(profile: Profile) -> Response:
    """Asked when a request to leave gives no proof of whose session it is."""
    return page(
        "Confirmer la déconnexion",
        E.FORM(
            E.P(f"Voulez-vous fermer votre session {profile.title} ?"),
            E.BUTTON("Se déconnecter", E.CLASS("primary"), type="submit", name="confirm", value="1"),
            method="post",
            action=f"/{profile.slug}/logout",
        ),
        service=profile.title,
    )
