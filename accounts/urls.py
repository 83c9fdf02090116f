"""Addresses of the accounts room; those below /oidc/ are registered at the providers."""

from __future__ import annotations

from django.urls import path

from accounts import identity_views, views
from accounts.oidc import views as oidc
from accounts.oidc.backchannel import BackchannelLogoutView

app_name = "accounts"

urlpatterns = [
    path("", views.login, name="login"),
    path("connexion/local", views.login_local, name="login_local"),
    path("connexion/compte", views.choose, name="choose"),
    path("connexion/sans-compte", views.no_account, name="no_account"),
    path("connexion/rattachement", identity_views.linked, name="linked"),
    path("connexion/exercice", identity_views.activity, name="activity"),
    path("session/verrouiller", views.lock_now, name="lock_now"),
    path("session/verrouillee", views.locked, name="locked"),
    path("session/deverrouiller", views.unlock_local, name="unlock_local"),
    path("deconnexion", views.logout, name="logout"),
    path("deconnexion/terminee", views.logged_out, name="logged_out"),
    path("deconnexion/fournisseur", oidc.provider_logout, name="logout_provider"),
    path("compte", views.profile, name="profile"),
    path("compte/identites/<int:number>/dissocier", identity_views.unlink, name="unlink"),
    path("compte/sessions", views.sessions_close, name="sessions_close"),
    path("compte/mot-de-passe", views.password, name="password"),
    path("comptes/revue.csv", views.review_export, name="review_export"),
    path("oidc/<slug:slug>/login", oidc.StartView.as_view(), name="oidc_start"),
    path("oidc/<slug:slug>/callback", oidc.CallbackView.as_view(), name="oidc_callback"),
    path("oidc/<slug:slug>/logout-response", oidc.logout_response, name="logout_response"),
    path(
        "oidc/<slug:slug>/backchannel-logout", BackchannelLogoutView.as_view(), name="oidc_backchannel_logout"
    ),
]
