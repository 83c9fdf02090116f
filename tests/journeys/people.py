"""Patients of the demonstration, as the hospital's administrative system knows them later."""

from __future__ import annotations

from dataclasses import replace

from dpi.demo.people import PATIENTS, DemoPatient

# The official test matricule that the demonstration does not give yet.
MATRICULES = {"000017": "110086322083060"}


def demo_patient(ipp: str) -> DemoPatient:
    return next(patient for patient in PATIENTS if patient.ipp == ipp)


def qualified(ipp: str) -> DemoPatient:
    """The same person with the INS obtained meanwhile, for a message about the identity alone (A28)."""
    return replace(demo_patient(ipp), matricule=MATRICULES[ipp], status="VALI", stays=())
