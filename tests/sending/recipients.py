"""Recipients of mails, as the validation panel hands them to the sending room."""

from __future__ import annotations

from dataclasses import replace

from documents.wishes import RecipientWish

GP = RecipientWish(
    address="sylvie.blanc@medecin.mssante.test",
    label="Dr BLANC Sylvie",
    role="Médecin traitant",
    rpps="10101010101",
    family_name="BLANC",
    given_name="Sylvie",
)
REFERRER = RecipientWish(
    address="karim.roux@medecin.mssante.test",
    label="Dr ROUX Karim",
    role="Adresseur",
    rpps="10101010202",
    family_name="ROUX",
    given_name="Karim",
)
CLINIC = RecipientWish(
    address="secretariat@clinique.mssante.test", label="CLINIQUE DU PARC", finess="990000309"
)
PATIENT = RecipientWish(is_patient=True, label="Patiente", role="Mon espace santé")
PATIENT_MAY_REPLY = replace(PATIENT, closes_reply=False)
