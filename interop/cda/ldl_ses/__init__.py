"""Lettre de liaison à la sortie d'un établissement de soins, LDL-SES_2022.01 (cda.md 7.1)."""
