"""Password rules of local accounts (security 4.1; SC.SSI/IAM.92, IE.36). In force by default."""

from __future__ import annotations

import re
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.models import User
from accounts.services import password_was_used
from establishment.models import LegalEntity

_YEAR = re.compile(r"(?:19|20)\d\d")
MIN_CONTEXT_WORD = 4


def _is_privileged(user: User | None) -> bool:
    """Whoever may log in by password is an administrator, even before the role is given."""
    return user is not None and (user.may_use_password or bool(user.pk and user.is_privileged))


class LengthValidator:
    """12 characters of the four classes, 14 without special, or seven words; 15 for administrators."""

    def validate(self, password: str, user: User | None = None) -> None:
        if _is_privileged(user):
            if len(password) < settings.PASSWORD_PRIVILEGED_LENGTH:
                raise ValidationError(self._text(settings.PASSWORD_PRIVILEGED_LENGTH))
            return
        if len(password.split()) >= 7:
            return
        if len(password) < 12:
            raise ValidationError(self._text(12))
        if len(password) < 14 and not _has_four_classes(password):
            raise ValidationError(
                "En dessous de 14 caractères, mêlez minuscules, majuscules, chiffres et signes."
            )

    def get_help_text(self) -> str:
        return self._text(settings.PASSWORD_PRIVILEGED_LENGTH)

    @staticmethod
    def _text(length: int) -> str:
        return f"Le mot de passe compte au moins {length} caractères."


class ContextValidator:
    """No word that anybody could guess from the account, the hospital or the calendar."""

    def validate(self, password: str, user: User | None = None) -> None:
        plain = _plain(password)
        entity = LegalEntity.objects.first()
        texts = [entity.name if entity else ""]
        if user is not None:
            texts += [user.login, user.family_name, user.given_name, user.rpps]
        for text in texts:
            for word in re.split(r"[^a-z0-9]+", _plain(text)):
                if len(word) >= MIN_CONTEXT_WORD and word in plain:
                    raise ValidationError(self.get_help_text())
        rest = _YEAR.sub("", password)
        if _YEAR.search(password) and len(rest) < settings.PASSWORD_PRIVILEGED_LENGTH - 4:
            raise ValidationError("Une année ne protège pas : choisissez un mot de passe plus long.")

    def get_help_text(self) -> str:
        return "Le mot de passe ne contient ni votre nom, ni votre identifiant, ni celui de l’établissement."


class HistoryValidator:
    """Not one of the last ones: 10 for administrators, 5 for others."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None or not user.pk:
            return
        last = 10 if _is_privileged(user) else 5
        if password_was_used(user=user, password=password, last=last):
            raise ValidationError("Ce mot de passe a déjà servi : choisissez-en un nouveau.")

    def get_help_text(self) -> str:
        return "Les derniers mots de passe ne peuvent pas être repris."


def _has_four_classes(password: str) -> bool:
    return all(
        (
            any(character.islower() for character in password),
            any(character.isupper() for character in password),
            any(character.isdigit() for character in password),
            any(not character.isalnum() for character in password),
        )
    )


def _plain(text: str) -> str:
    """Lower case without accents, the signs kept as word limits."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in folded if not unicodedata.combining(character))
