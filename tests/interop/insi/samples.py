"""Answers of INSi as recorded on its qualification base: shapes and identities of spec ins 11.3, 15."""

from __future__ import annotations

from interop.insi import codes

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">'
    '<S:Body xmlns:S="http://www.w3.org/2003/05/soap-envelope">{}</S:Body></soap:Envelope>'
)
RESULT = (
    '<RESULTAT xmlns:ns3="http://www.cnamts.fr/INSiRecVit" xmlns:ns2="http://www.cnamts.fr/INSiRecSans" '
    f'xmlns="{codes.NS_RESULT}"><CR><CodeCR>{{code}}</CodeCR><LibelleCR>{{label}}</LibelleCR></CR>'
    "{person}</RESULTAT>"
)
NIR, NIA = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9"


def held(number: str, key: str, oid: str = NIR) -> str:
    key_of_it = f"<Cle>{key}</Cle>" if key else ""
    return f"<IdIndividu><NumIdentifiant>{number}</NumIdentifiant>{key_of_it}</IdIndividu><OID>{oid}</OID>"


def traits(**values: str) -> str:
    return "<TIQ>" + "".join(f"<{name}>{value}</{name}>" for name, value in values.items()) + "</TIQ>"


def found(active: str, tiq: str, *history: str) -> bytes:
    past = "".join(f"<INSHISTO>{one}</INSHISTO>" for one in history)
    person = f"<INDIVIDU><INSACTIF>{active}</INSACTIF>{past}{tiq}</INDIVIDU>"
    return ENVELOPE.format(RESULT.format(code="00", label="OK", person=person)).encode()


def without(code: str, label: str) -> bytes:
    return ENVELOPE.format(RESULT.format(code=code, label=label, person="")).encode()


NOBODY = without("01", "Aucune identite trouvee")
SEVERAL = without("02", "Plusieurs identites trouvees")
# The nominal case: INSi leaves `Prenom` out.
ADRUN = found(
    held("2751263220749", "74"),
    traits(
        NomNaissance="ADRUN", ListePrenom="ZOE", Sexe="F", DateNaissance="1975-12-31", LieuNaissance="63220"
    ),
)
# Test 2.04: three given names, two former matricules, one of them with dates before its identifier.
ECETINSI = found(
    held("1090763220834", "89"),
    traits(
        NomNaissance="ECETINSI",
        Prenom="PIERRE-ALAIN",
        ListePrenom="PIERRE-ALAIN MURIEL FLORIANT",
        Sexe="M",
        DateNaissance="2009-07-14",
        LieuNaissance="63220",
    ),
    "<DateDeb>2019-12-01</DateDeb>" + held("2090763220834", "39") + "<DateFin>2010-01-01</DateFin>",
    held("2090663220123", "55"),
)
# Test 2.05: a number of waiting that looks like a NIR.
PROVISOIRE = found(
    held("1090763220888", "35", NIA),
    traits(
        NomNaissance="PROVISOIRE",
        ListePrenom="MATRICULE",
        Sexe="M",
        DateNaissance="2009-07-01",
        LieuNaissance="63220",
    ),
)
# Test 2.08, case 1: the history repeats the active matricule. Case 2: a key that is false, a change of sex.
CORSE = found(
    held("180032B020401", "23"),
    traits(
        NomNaissance="CORSE",
        Prenom="ANTHONY",
        ListePrenom="ANTHONY",
        Sexe="M",
        DateNaissance="1980-03-02",
        LieuNaissance="2B020",
    ),
    held("180032B020401", "23"),
)
HERMANN = found(
    held("1810363220456", "60"),
    traits(
        NomNaissance="HERMANN",
        Prenom="GATIEN",
        ListePrenom="GATIEN",
        Sexe="M",
        DateNaissance="1981-03-24",
        LieuNaissance="63220",
    ),
    held("1810363220456", "60"),
    held("2810363220456", "10"),
)
NO_PLACE = found(
    held("2751263220749", "74"),
    traits(NomNaissance="ADRUN", ListePrenom="ZOE", Sexe="F", DateNaissance="1975-12-31"),
)
NO_KEY = found(
    held("2751263220749", ""),
    traits(NomNaissance="ADRUN", ListePrenom="ZOE", Sexe="F", DateNaissance="1975-12-31"),
)


def fault(code: str, reason: str, *, severity: str = "fatale") -> bytes:
    """A refusal as spec ins 11.6 describes it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body><env:Fault>'
        "<env:Code><env:Value>env:Sender</env:Value><env:Subcode>"
        f'<env:Value xmlns:siram="{codes.NS_SIRAM}">siram:siram_100</env:Value></env:Subcode></env:Code>'
        f'<env:Reason><env:Text xml:lang="fr">{reason}</env:Text></env:Reason>'
        f'<env:Detail><siram:Erreur xmlns:siram="{codes.NS_SIRAM}" severite="{severity}" code="{code}" '
        'messageID="uuid:1">détail</siram:Erreur></env:Detail></env:Fault></env:Body></env:Envelope>'
    ).encode()
