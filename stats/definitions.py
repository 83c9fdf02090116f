"""The indicators of SC.STAT/ES.01, as data (spec stats 3; names of the DSR, 3.2.7).

One entry is all that the CSV, the dashboard, the API and docs/indicateurs.md say of an indicator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stats.document_types import SEGUR_TYPES, WORDS
from stats.enums import Axis, Chapter, DocType, Measure


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator: stable code, official name with the places of the type, what is counted.

    `denominator` is empty for a count. `is_official` is False for those that are ours (stats 3 G).
    """

    code: str
    chapter: Chapter
    axis: Axis
    name: str
    numerator: str
    denominator: str = ""
    is_official: bool = True

    @property
    def measure(self) -> Measure:
        return Measure.RATE if self.denominator else Measure.COUNT

    def label(self, doc_type: str = "", type_label: str = "") -> str:
        """The French name, with the type in its place; `type_label` names a type of the DMP."""
        words = WORDS[DocType(doc_type or DocType.TOUS)]
        filled = words.fill(self.name)
        return f"{filled} ({type_label})" if type_label else filled

    @property
    def definition(self) -> str:
        """The sentence written beside the figure (F-PV-32)."""
        if not self.denominator:
            return f"{self.numerator}."
        return f"{self.numerator}, parmi : {self.denominator}."


BASE: Final = (
    "lettre de liaison, tous les séjours clôturés du mois ; compte-rendu opératoire, ceux avec une activité "
    "chirurgicale ; prescription, ceux où une prescription a été produite ; compte-rendu de consultation, "
    "les consultations du mois où un compte-rendu a été produit"
)
"""NB3 of the DSR (stats C6)."""
CLOSED_STAYS: Final = "les séjours clôturés du mois (entrée et sortie présentes, non annulés)"
CONSULTATIONS: Final = "les consultations honorées du mois"

INDICATORS: Final[tuple[Indicator, ...]] = (
    Indicator(
        "ALI_DMP_FLUX_OK",
        Chapter.ALI,
        Axis.TYPES,
        "Nombre {types} transmis{es} au DMP (en flux) - réussi",
        "Documents reçus une première fois par le DMP dans le mois, versions et renvois non comptés",
    ),
    Indicator(
        "ALI_DMP_FLUX_KO",
        Chapter.ALI,
        Axis.TYPES,
        "Nombre {types} transmis{es} au DMP (en flux) - en échec",
        "Documents avec un échec définitif dans le mois, sans réussite dans ce mois ou avant",
    ),
    Indicator(
        "ALI_DMP_HISTO_OK",
        Chapter.ALI,
        Axis.TYPES,
        'Nombre {types} "historique" transmis{es} au DMP (date antérieure, profondeur de 5 ans) - réussi',
        "Documents de séjours antérieurs, datés de cinq ans au plus, reçus une première fois par le DMP dans "
        "le mois",
    ),
    Indicator(
        "ALI_DMP_TX_SEJ",
        Chapter.ALI,
        Axis.BASES,
        "Taux de séjours d'hospitalisation clôturés pour lesquels {the_type} a été versé{e} au DMP",
        "Séjours avec au moins un document du type reçu par le DMP, à la date d'extraction, et non supprimé "
        "pour erreur",
        BASE,
    ),
    Indicator(
        "CON_DMP_NB_UTIL",
        Chapter.CON,
        Axis.PROFESSIONS,
        "Nombre d'utilisateurs pour lesquels une transaction de consultation DMP a été effectuée",
        "Utilisateurs distincts avec au moins une recherche (TD3.1) ou un téléchargement (TD3.2) réussi dans "
        "le mois",
    ),
    Indicator(
        "CON_DMP_TX_UTIL",
        Chapter.CON,
        Axis.PROFESSIONS,
        "Ratio des utilisateurs pour lesquels une transaction de consultation DMP a été effectuée sur le "
        "nombre total d'utilisateurs par profil (métier)",
        "Utilisateurs distincts avec au moins une recherche (TD3.1) ou un téléchargement (TD3.2) réussi dans "
        "le mois",
        "comptes de la profession actifs au moins un jour du mois, rattachés au FINESS",
    ),
    Indicator(
        "CON_DMP_NB_DOC",
        Chapter.CON,
        Axis.TYPES,
        "Nombre {types} intégré{s} / téléchargé{s} (TD3.2) provenant du DMP dans le DPI",
        "Couples distincts (patient, document du DMP) téléchargés ou intégrés dans le mois",
    ),
    Indicator(
        "CON_DMP_TX_SEJ",
        Chapter.CON,
        Axis.CODES,
        "Taux de séjours d'hospitalisation clôturés pour lesquels un utilisateur a intégré du DMP {a_type}",
        "Séjours pendant lesquels au moins un document du DMP de ce type a été intégré au dossier",
        CLOSED_STAYS,
    ),
    Indicator(
        "CON_DMP_TX_CONS",
        Chapter.CON,
        Axis.CODES,
        "Taux de consultations pour lesquelles un utilisateur a intégré du DMP {a_type}",
        "Consultations le jour desquelles au moins un document du DMP de ce type a été intégré au dossier du "
        "patient",
        CONSULTATIONS,
    ),
    Indicator(
        "MSSPRO_OK",
        Chapter.MSSPRO,
        Axis.TYPES,
        "Nombre {types} envoyé{s} aux correspondants de santé externes par MSSanté - réussi",
        "Documents remis une première fois, dans le mois, à au moins un professionnel externe",
    ),
    Indicator(
        "MSSPRO_KO",
        Chapter.MSSPRO,
        Axis.TYPES,
        "Nombre {types} envoyé{s} aux correspondants de santé externes par MSSanté - en échec",
        "Documents avec un échec définitif dans le mois, remis à aucun professionnel externe dans ce mois ou "
        "avant",
    ),
    Indicator(
        "MSSPRO_INSQ_OK",
        Chapter.MSSPRO,
        Axis.TYPES,
        "Nombre {types} avec une INS qualifiée envoyé{s} aux correspondants de santé externes par MSSanté "
        "- réussi",
        "Comme MSSPRO_OK, pour les envois dont le document portait une INS qualifiée",
    ),
    Indicator(
        "MSSPRO_INSQ_KO",
        Chapter.MSSPRO,
        Axis.TYPES,
        "Nombre {types} avec une INS qualifiée envoyé{s} aux correspondants de santé externes par MSSanté "
        "- en échec",
        "Comme MSSPRO_KO, pour les envois dont le document portait une INS qualifiée",
    ),
    Indicator(
        "MSSPRO_TX_SEJ",
        Chapter.MSSPRO,
        Axis.BASES,
        "Taux de séjours d'hospitalisation clôturés pour lesquels {a_type} a été envoyé{e} par MSSanté",
        "Séjours avec au moins un document du type remis à un professionnel externe, à la date d'extraction, "
        "et non supprimé pour erreur",
        BASE,
    ),
    Indicator(
        "MSSPRO_TX_CORR",
        Chapter.MSSPRO,
        Axis.BASES,
        "Taux de correspondants de santé ayant un mail MSSanté à qui a été envoyé{e} {a_type} par MSSanté",
        "Correspondants qui ont reçu au moins un document du type pour l'un de ces séjours ou consultations",
        "correspondants distincts ayant une adresse MSSanté, désignés dans les séjours ou consultations de "
        "l'assiette du type",
    ),
    Indicator(
        "MSSPAT_OK",
        Chapter.MSSPAT,
        Axis.TYPES,
        "Nombre {types} transmis{es} au patient par MSSanté - réussi",
        "Documents remis une première fois, dans le mois, à la messagerie Mon espace santé du patient",
    ),
    Indicator(
        "MSSPAT_KO",
        Chapter.MSSPAT,
        Axis.TYPES,
        "Nombre {types} transmis{es} au patient par MSSanté - en échec",
        "Documents avec un échec définitif dans le mois, sans remise au patient dans ce mois ou avant",
    ),
    Indicator(
        "MSSPAT_TX_SEJ",
        Chapter.MSSPAT,
        Axis.BASES,
        "Taux de séjours clôturés pour lesquels {a_type} a été envoyé{e} par MSS au patient",
        "Séjours avec au moins un document du type remis au patient, à la date d'extraction, et non supprimé "
        "pour erreur",
        BASE,
    ),
    Indicator(
        "MSSPAT_TX_PAT",
        Chapter.MSSPAT,
        Axis.BASES,
        "Taux de patients pour lesquels {a_type} leur a été envoyé{e} par MSS",
        "Patients distincts qui ont reçu au moins un document du type pour l'un de ces séjours ou "
        "consultations",
        "patients distincts de l'assiette du type",
    ),
    Indicator(
        "MSSREC_AUTO_OK",
        Chapter.MSSREC,
        Axis.TYPES,
        "Nombre de documents CDA intégrés automatiquement sur demande de la PFI - réussi",
        "CDA distincts (setId) intégrés automatiquement dans le mois ; remplacements et suppressions non "
        "comptés",
    ),
    Indicator(
        "MSSREC_AUTO_KO",
        Chapter.MSSREC,
        Axis.TYPES,
        "Nombre de documents CDA intégrés automatiquement sur demande de la PFI - en échec",
        "CDA distincts refusés (AE, AR) et non intégrés automatiquement dans le mois",
    ),
    Indicator(
        "MSSREC_MAN_CDA_OK",
        Chapter.MSSREC,
        Axis.TYPES,
        "Nombre de documents CDA intégrés manuellement par un utilisateur dans le DPI - réussi",
        "CDA distincts importés dans le mois par un utilisateur, depuis un message MSSanté",
    ),
    Indicator(
        "MSSREC_MAN_NONCDA",
        Chapter.MSSREC,
        Axis.TYPES,
        "Nombre de documents non-CDA intégrés manuellement par un utilisateur dans le DPI",
        "Fichiers distincts qui ne sont pas des CDA (PDF, image), importés dans le mois depuis un message "
        "MSSanté",
    ),
    Indicator(
        "INFO_SEJ_NONOPP",
        Chapter.INFO,
        Axis.VOLETS,
        "Taux de séjours d'hospitalisation clôturés (complets ou ambulatoires) pour lesquels l'information "
        "du patient sur l'utilisation de son DMP a été enregistrée, et pour lesquels le patient ne s'est pas "
        "opposé",
        "Séjours avec une information enregistrée et aucune opposition en vigueur à la sortie",
        CLOSED_STAYS,
    ),
    Indicator(
        "INFO_SEJ_OPP",
        Chapter.INFO,
        Axis.VOLETS,
        "Taux de séjours d'hospitalisation clôturés (complets ou ambulatoires) pour lesquels l'information "
        "du patient sur l'utilisation de son DMP a été enregistrée, et pour lesquels le patient s'est opposé",
        "Séjours avec une information enregistrée et une opposition en vigueur à la sortie",
        CLOSED_STAYS,
    ),
    Indicator(
        "INFO_CONS_NONOPP",
        Chapter.INFO,
        Axis.VOLETS,
        "Taux de consultations pour lesquelles l'information du patient sur l'utilisation de son DMP a été "
        "enregistrée, et pour lesquelles le patient ne s'est pas opposé",
        "Consultations avec une information enregistrée et aucune opposition en vigueur à la fin du jour",
        CONSULTATIONS,
    ),
    Indicator(
        "INFO_CONS_OPP",
        Chapter.INFO,
        Axis.VOLETS,
        "Taux de consultations pour lesquelles l'information du patient sur l'utilisation de son DMP a été "
        "enregistrée, et pour lesquelles le patient s'est opposé",
        "Consultations avec une information enregistrée et une opposition en vigueur à la fin du jour",
        CONSULTATIONS,
    ),
    Indicator(
        "X_MSSPRO_ENV_OK",
        Chapter.X,
        Axis.TYPES,
        "Nombre d'envois MSSanté (document x destinataire) aux correspondants externes - réussi",
        "Couples distincts (document, destinataire) remis une première fois dans le mois",
        is_official=False,
    ),
    Indicator(
        "X_MSSPRO_ENV_KO",
        Chapter.X,
        Axis.TYPES,
        "Nombre d'envois MSSanté (document x destinataire) aux correspondants externes - en échec",
        "Couples distincts (document, destinataire) avec un échec définitif dans le mois, sans remise dans "
        "ce mois ou avant",
        is_official=False,
    ),
    Indicator(
        "X_INS_TX_QUALIF",
        Chapter.X,
        Axis.NONE,
        "Taux d'identités qualifiées parmi les patients venus dans le mois",
        "Patients dont l'identité est qualifiée à la date d'extraction",
        "patients distincts avec un séjour clôturé ou une consultation dans le mois",
        is_official=False,
    ),
)

BY_CODE: Final = {indicator.code: indicator for indicator in INDICATORS}

TYPES_OF_AXIS: Final[dict[Axis, tuple[DocType, ...]]] = {
    Axis.TYPES: (*SEGUR_TYPES, DocType.AUTRE, DocType.TOUS),
    Axis.BASES: SEGUR_TYPES,
}
"""Document types of the rows of an indicator; rates have none for AUTRE and TOUS: NB3 gives no base."""
