"""Décrit un établissement : à copier, adapter, puis donner à `dpi-manage shell`. Chaque écriture est tracée.

Une seconde exécution ne change que ce qui a été modifié ici. Le premier mot de passe vient de la variable
DPI_FIRST_PASSWORD et n'est écrit nulle part.
"""

import os

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from establishment.enums import NationalService, Switch
from establishment.services import endpoint_set, legal_entity_set, site_set, switch_set, unit_set
from exchange.models import Partner
from exchange.services import integrated_pfi_ensure

ACTOR = system_actor("installation")

# --- L'établissement : FINESS juridique, racine d'OID, domaines d'identification, sites, unités ---
entity = legal_entity_set(
    finess="990000010",
    name="CENTRE HOSPITALIER D'EXEMPLE",
    oid_root="1.2.250.1.999.1.9900010",
    ipp_oid="1.2.250.1.999.1.9900010.8.1",
    visit_oid="1.2.250.1.999.1.9900010.8.2",
    actor=ACTOR,
)
site = site_set(
    finess="990000101",
    legal_entity=entity,
    name="HOPITAL D'EXEMPLE",
    sector="SA01",
    street="1 avenue de la Confluence",
    postal_code="99100",
    city="EXEMPLE",
    phone="0199000001",
    actor=ACTOR,
)
unit = unit_set(code="6268", site=site, name="CHIR V", send_delay_minutes=120, actor=ACTOR)

# --- Qui porte quoi (interrupteurs), et la PFI de ce logiciel ---
for switch in (Switch.PSC, Switch.PFI_DMP):
    switch_set(code=switch, is_on=True, actor=ACTOR)
integrated_pfi_ensure()

# --- La ligne de la GAM : un port, des certificats mutuels, les MSH-3 et MSH-4 attendus ---
Partner.objects.update_or_create(
    code="gam",
    defaults={
        "name": "Gestion administrative des malades",
        "application": "GAM",
        "facility": "CHEXEMPLE",
        "listen_port": 2575,
        "peer_subject": "CN=gam.example.org,O=CENTRE HOSPITALIER D'EXEMPLE,C=FR",
        "processing_ids": "P",
    },
)

# --- Un RIS de la vague 1 : ses documents suivent le volet 2.0 (2.1 par défaut ; 1.2 pour un OUL^R22) ---
Partner.objects.update_or_create(
    code="ris",
    defaults={
        "name": "Système d'information de radiologie",
        "application": "RIS",
        "facility": "CHEXEMPLE",
        "listen_port": 2576,
        "peer_subject": "CN=ris.example.org,O=CENTRE HOSPITALIER D'EXEMPLE,C=FR",
        "processing_ids": "P",
        "profile": "2.0",
    },
)

# --- Le DMP : certificat d'authentification (ligne) et cachet (signature), remis par l'IGC-Santé ---
endpoint_set(
    service=NationalService.DMP,
    base_url="https://dmp.example.org/si-dmp-server/v2/services/",
    ca_path="/etc/dpi/tls/igc-sante.pem",
    certificate_path="/etc/dpi/tls/auth-cli.pem",
    key_path="/etc/dpi/tls/auth-cli.key",
    signing_certificate_path="/etc/dpi/tls/cachet.pem",
    signing_key_path="/etc/dpi/tls/cachet.key",
    is_enabled=False,  # True quand les certificats sont en place
    actor=ACTOR,
)

# --- L'Annuaire santé : la clé d'accès de l'API, dans un fichier ---
endpoint_set(
    service=NationalService.ANNUAIRE,
    base_url="https://gateway.api.esante.gouv.fr/fhir/v2",
    api_key_path="/etc/dpi/annuaire-key",
    is_enabled=False,  # True quand la clé est en place
    actor=ACTOR,
)

# --- Les comptes : un administrateur fonctionnel par mot de passe, un médecin reconnu par son RPPS ---
roles_install()
if not User.objects.filter(login="adm-elambert").exists():
    administrator = user_create(
        login="adm-elambert",
        family_name="LAMBERT",
        given_name="Élodie",
        may_use_password=True,
        password=os.environ["DPI_FIRST_PASSWORD"],
        actor=ACTOR,
    )
    assignment_give(user=administrator, role=RoleCode.ADMIN_FONCTIONNEL, giver=None, actor=ACTOR)
if not User.objects.filter(login="ahoda").exists():
    doctor = user_create(
        login="ahoda",
        family_name="HODA",
        given_name="Alice",
        title="Dr",
        rpps="99700900014",
        profession="10",
        specialty="SM26",
        actor=ACTOR,
    )
    assignment_give(user=doctor, role=RoleCode.PRESCRIPTEUR, unit=unit, giver=None, actor=ACTOR)
