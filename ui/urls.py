"""Addresses of the interface itself."""

from django.urls import path

from ui import views

app_name = "ui"
urlpatterns = [
    path("preferences/theme/", views.theme, name="theme"),
    path("preferences/raccourcis/", views.shortcuts, name="shortcuts"),
    path("guide/", views.guide, name="guide"),
]
