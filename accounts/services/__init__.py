"""Writes of the accounts room, each traced (security 8.2; psc 7, 19; SC.SSI/IAM.91)."""

from accounts.services.actors import INSTALLER
from accounts.services.habilitations import (
    GrantRefused,
    assignment_give,
    assignment_revoke,
    roles_install,
)
from accounts.services.identities import (
    access_request_decide,
    external_identity_link,
    external_identity_unlink,
    provider_set,
)
from accounts.services.interfaces import service_account_open
from accounts.services.people import (
    password_set,
    password_was_used,
    user_close,
    user_create,
    user_enable,
    user_suspend,
    user_update,
)
from accounts.services.tokens import (
    IssuedToken,
    api_token_authenticate,
    api_token_create,
    api_token_revoke,
    api_tokens_revoke,
    token_actor,
)

__all__ = [
    "INSTALLER",
    "GrantRefused",
    "IssuedToken",
    "access_request_decide",
    "api_token_authenticate",
    "api_token_create",
    "api_token_revoke",
    "api_tokens_revoke",
    "assignment_give",
    "assignment_revoke",
    "external_identity_link",
    "external_identity_unlink",
    "password_set",
    "password_was_used",
    "provider_set",
    "roles_install",
    "service_account_open",
    "token_actor",
    "user_close",
    "user_create",
    "user_enable",
    "user_suspend",
    "user_update",
]
