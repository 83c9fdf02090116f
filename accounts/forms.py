"""Forms of the login pages."""

from __future__ import annotations

from django import forms

MAX_PASSWORD = 4096
"""Long passphrases are welcome; a megabyte is an attack on the hasher (security 20)."""


class LocalLoginForm(forms.Form):
    username = forms.CharField(
        label="Identifiant",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Mot de passe",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class UnlockForm(forms.Form):
    password = forms.CharField(
        label="Mot de passe",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AccountChoiceForm(forms.Form):
    account = forms.IntegerField(widget=forms.HiddenInput)
    password = forms.CharField(
        label="Mot de passe de ce compte",
        max_length=MAX_PASSWORD,
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AccessRequestForm(forms.Form):
    message = forms.CharField(
        label="Précisions pour l’administrateur (service, fonction)",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PasswordChangeForm(forms.Form):
    current = forms.CharField(
        label="Mot de passe actuel",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="Nouveau mot de passe",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Nouveau mot de passe, une seconde fois",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("new"):
            raise forms.ValidationError("Les deux saisies diffèrent.")
        return again
