"""Invented admission, choices of the patient, login."""

from types import SimpleNamespace as Values
from typing import Any

from django import forms

from tests.ui.demo.around import at, banner, rail, shell, steps
from ui.components import Entry, Service


class _StayForm(forms.Form):
    kind = forms.ChoiceField(label="Type de venue", choices=[("I", "Hospit. complète")])
    unit = forms.ChoiceField(label="Unité", choices=[("6268", "CHIR V · UF 6268")])
    bed = forms.CharField(label="Lit", required=False)
    entered = forms.CharField(label="Entrée", help_text="jj/mm/aaaa hh:mm")


def choices() -> dict[str, Any]:
    return {
        "shell": shell("Admissions", admission=True),
        "banner": banner(),
        "rail": rail(""),
        "steps": steps(4),
        "url": "#",
        "stay_form": _StayForm({"kind": "I", "unit": "6268", "bed": "12", "entered": ""}),
        "alimentation": {"value": "not_opposed", "error": ""},
        "consultation": {"value": "not_collected", "error": ""},
        "alimentation_choices": [
            ("not_collected", "Non recueillie", "Les documents partent (règle nationale)"),
            ("not_opposed", "Informé – non opposé", "Les documents partent"),
            ("opposed", "Informé – opposé", "Aucun document ne part"),
        ],
        "consultation_choices": [
            ("not_collected", "Non recueillie", "L’équipe ne peut pas consulter"),
            ("not_opposed", "Informé – non opposé", "L’équipe peut consulter"),
            ("opposed", "Informé – opposé", "L’équipe ne peut pas consulter"),
        ],
        "representative": False,
        "history": [
            Values(
                at=at(6, 3, 11, 2),
                alimentation="not_opposed",
                consultation="not_opposed",
                source="screen",
                by="M. LEROY",
                pending=True,
            ),
            Values(
                at=at(12, 1, 9, 35),
                alimentation="not_opposed",
                consultation="not_collected",
                source="pam",
                by="séjour 000812233",
                pending=False,
            ),
        ],
        "history_url": "#",
        "allows": [
            Values(
                icon="circle-check",
                title="Documents envoyés au DMP",
                detail="identité qualifiée, patient non opposé",
            ),
            Values(
                icon="circle-check",
                title="DMP consultable par l’équipe CHIR V",
                detail="jusqu’à la sortie du patient",
            ),
        ],
        "spoken_text": [
            "« Les documents de votre séjour sont déposés dans Mon espace santé. "
            "Vous les retrouvez, ainsi que les professionnels que vous consultez.",
            "Vous pouvez refuser l’un, l’autre ou les deux, maintenant ou plus tard. "
            "Cela ne change rien à vos soins. »",
        ],
        "labels_url": "#",
        "back_url": "#",
        "may_record": True,
        "save_label": "Enregistrer l’admission",
    }


def choices_in_record() -> dict[str, Any]:
    return choices() | {
        "steps": [],
        "shell": shell(),
        "stay_form": None,
        "save_label": "Enregistrer",
    }


class _LocalForm(forms.Form):
    username = forms.CharField(
        label="Identifiant", widget=forms.TextInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        label="Mot de passe", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


def login() -> dict[str, Any]:
    return {
        "hospital": "CHU Démo",
        "providers": [
            Values(
                slug="psc",
                label="Pro Santé Connect",
                help="e-CPS ou carte CPS",
                icon="smartphone",
                primary=True,
            ),
            Values(
                slug="etablissement",
                label="Compte de l’établissement",
                help="CHU Démo, avec second facteur",
                icon="hospital",
                primary=False,
            ),
        ],
        "local_form": _LocalForm(),
        "next": "/",
        "services": [
            Service("Pro Santé Connect", "up"),
            Service("DMP, MSSanté, INSi", "up"),
            Service("Annuaire santé", "slow", "14:10"),
        ],
        "version": "v1.4.2 (build 2025.03.1)",
        "environment": "Environnement de démonstration, patients fictifs",
        "idle_minutes": 15,
        "error": None,
        "links": [Entry("Problème de connexion", "#"), Entry("Accessibilité", "#"), Entry("Aide", "#")],
    }
