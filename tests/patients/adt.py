"""ADT messages of a GAM, as text: what the tests send, independent of the builders of the product."""

from __future__ import annotations

from exchange.identifiers import new_control_id

AUTHORITY = "CHU-X&000897406&N"
TEST_OID = "1.2.250.1.213.1.4.10"
INS = "279035121518989"
WITH_VISIT = frozenset(
    "A01 A02 A03 A04 A05 A06 A07 A08 A09 A10 A11 A12 A13 A14 A15 A16 A21 A22 A25 A26 A27 A32 A33 A38 "
    "A52 A53 A54 A55 Z99".split()
)


def adt(
    event: str,
    *,
    ipp: str = "000003",
    ins: str = INS,
    ins_oid: str = TEST_OID,
    name: str = "PAT-TROIS",
    given: str = "DOMINIQUE",
    given_names: str = "DOMINIQUE",
    used: str = "",
    birth: str = "19790328",
    sex: str = "F",
    cog: str = "63220",
    address: str = "28 Av de Breteuil^^PARIS^^75007^FRA^H",
    phone: str = "",
    reliability: str = "VALI",
    updated: str = "20240306111153",
    visit: str = "000897406",
    account: str = "24000006",
    patient_class: str = "I",
    unit: str = "",
    room: str = "",
    bed: str = "",
    attending: str = "",
    referring: str = "",
    movement: str = "312",
    at: str = "20240306110000",
    action: str = "INSERT",
    historic: str = "N",
    original: str = "",
    medical: str = "6268",
    nursing: str = "",
    nature: str = "HMS",
    zfa: str = "",
    zfd: str = "",
    recorded: str = "20240306111154",
    processing: str = "P",
    control_id: str = "",
    extra: tuple[str, ...] = (),
) -> bytes:
    """One ADT; `ins=""` sends no matricule, `ipp=""` no local identifier."""
    identifiers = "~".join(
        part
        for part in (
            f"{ipp}^^^{AUTHORITY}^PI" if ipp else "",
            f"{ins}^^^ASIP-SANTE-INS-NIR&{ins_oid}&ISO^INS" if ins else "",
        )
        if part
    )
    names = f"{name}^{given}^{given_names}^^^^L" + (f"~{used}{'^' * (6 - used.count('^'))}D" if used else "")
    places = f"{address}~^^^^^^BDL^^{cog}" if cog else address
    pid = [""] * 34
    pid[1], pid[3], pid[5], pid[7], pid[8] = "1", identifiers, names, birth, sex
    pid[11], pid[13], pid[18], pid[32] = places, phone, f"{account}^^^CHU-X&000897406&M^AN", reliability
    pid[33] = updated
    segments = [
        f"MSH|^~\\&|GAM|CHU-X|DPI|CHU-X|{recorded}||ADT^{event}^ADT_A01|{control_id or new_control_id()}"
        f"|{processing}|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM",
        f"EVN||{recorded}||||{at}",
        "PID" + "|".join(pid).rstrip("|"),
    ]
    if event in WITH_VISIT:
        pv1 = [""] * 20
        pv1[1], pv1[2], pv1[3] = "1", patient_class, f"{unit}^{room}^{bed}"
        pv1[7], pv1[8], pv1[19] = attending, referring, f"{visit}^^^CHU-X&000897406&M^VN"
        segments.append("PV1" + "|".join(pv1).rstrip("|"))
        organisation = f"Libellé {medical}^^^^^{AUTHORITY}^UF^^^{medical}"
        nurses = f"Libellé {nursing}^^^^^{AUTHORITY}^UF^^^{nursing}" if nursing else ""
        segments.append(
            f"ZBE|{movement}^CHU-X^000897406|{at}||{action}|{historic}|{original}|{organisation}|{nurses}|{nature}"
        )
    else:
        segments.append("PV1||N")
    segments += [f"ZFA|{zfa}"] if zfa else []
    segments += [f"ZFD|{zfd}"] if zfd else []
    return ("\r".join([*segments, *extra]) + "\r").encode()
