"""Settings of the product, read from the environment (house style, section 9; security 21).

Production is this file plus the environment; `dev` and `test` only override. Every variable has
its row in docs/configuration.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rest_framework
from csp.constants import NONCE, NONE, SELF

from dpi import schedule
from dpi.logs import logging_config
from dpi.settings import env
from dpi.version import licence, version
from interop.dmp import codes as dmp_codes
from interop.ins.codes import PRODUCTION_INS_OIDS
from interop.insi.codes import ACTION_SEARCH
from interop.mail.codes import BounceReason
from interop.vihf import codes as vihf_codes
from interop.xdm.codes import ACTION_SLOT
from interop.xds import codes as xds_codes

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DEFAULT_FONTS = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
]

# --- What runs -------------------------------------------------------------------------------
DPI_VERSION = version()
DPI_LICENCE = licence()
DPI_START_ID = env.text("DPI_START_ID", "")
DPI_SANDBOX = env.flag("DPI_SANDBOX", False)
DPI_SANDBOX_ADDRESSES = env.path("DPI_SANDBOX_ADDRESSES")
DEBUG = env.flag("DPI_DEBUG", False)
SECRET_KEY = env.secret("DPI_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.secret("DPI_SECRET_KEY_FALLBACKS", "").split()
ALLOWED_HOSTS = env.words("DPI_ALLOWED_HOSTS")
USE_X_FORWARDED_HOST = False
DPI_TRUSTED_PROXIES = env.integer("DPI_TRUSTED_PROXIES", 0, maximum=5)

ROOMS = [
    "audit",
    "ui",
    "establishment",
    "national",
    "accounts",
    "exchange",
    "mssante",
    "patients",
    "consent",
    "documents",
    "dmp",
    "sending",
    "dossier",
    "stats",
    "pfi",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "csp",
    "axes",
    # The command that checks the schema. DRF itself is no application here: its pages, scripts and style
    # sheets would be published, and only its sentences are wanted (LOCALE_PATHS).
    "drf_spectacular",
    *ROOMS,
    "dpi",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "dpi.urls"
WSGI_APPLICATION = "dpi.wsgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dpi.middleware.response_headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "audit.middleware.OriginMiddleware",
    # Default deny: a view without declared rule is refused to everybody.
    "accounts.middleware.AccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dpi.middleware.ApplicationErrors",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "accounts.context.rights",
                "ui.context_processors.interface",
                "dossier.context_processors.shell",
            ],
        },
    }
]

# --- Databases and broker --------------------------------------------------------------------
# The web, the workers and the listeners connect as the application's role. `manage.py migrate`
# connects as the owner of the tables (manage.py sets DPI_AS_OWNER): security 8.5 and 10.7.
DPI_AS_OWNER = env.flag("DPI_AS_OWNER", False)
_application = env.database("DATABASE_URL")
_owner = env.database("DATABASE_OWNER_URL", env.secret("DATABASE_URL"))
DATABASE_APPLICATION_ROLE = _application["USER"]
DATABASE_OWNER_ROLE = _owner["USER"]
DATABASES: dict[str, dict[str, Any]] = {"default": _owner if DPI_AS_OWNER else _application}
DATABASES["default"] |= {
    "ATOMIC_REQUESTS": False,
    "CONN_MAX_AGE": env.integer("DATABASE_CONN_MAX_AGE", 60),
    "CONN_HEALTH_CHECKS": True,
}
# Values travel beside the statement, not inside: a document is not spelt out in hexadecimal and read again.
DATABASES["default"]["OPTIONS"].setdefault("server_side_binding", True)
# What a connection was asked that many times is parsed and planned once: a quarter of the cost of a fragment.
_prepare_after = env.integer("DATABASE_PREPARE_AFTER", 5) or None
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", _prepare_after)
_timeout = env.integer("DATABASE_STATEMENT_TIMEOUT_S", 30, minimum=1)
if not DPI_AS_OWNER:
    DATABASES["default"]["OPTIONS"].setdefault("options", f"-c statement_timeout={_timeout}s")

REDIS_URL = env.redis("REDIS_URL")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "dpi",
    }
}

CELERY_BROKER_URL = env.celery_broker(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_throttle": 1,
    "unacked_restore_interval": 10,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = env.integer("CELERY_WORKER_MAX_TASKS_PER_CHILD", 500, minimum=1)
# Both below the visibility timeout: a task longer than it would be delivered twice.
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_TIME_LIMIT = 660
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = schedule.PERIODIC_TASKS
CELERY_BEAT_SCHEDULER = "dpi.beat:SingleScheduler"

# --- Trace (security 8.5) --------------------------------------------------------------------
# Only the sealer and the verification need the key; the web and the workers run without it.
DPI_AUDIT_KEY = env.secret("DPI_AUDIT_KEY", "")

# --- Accounts, sessions, cookies (security 5, 10.1, 21) --------------------------------------
AUTHENTICATION_BACKENDS = [
    "accounts.local.LockoutBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.oidc.backend.ProviderBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dossier:start"
LOCAL_LOGIN_ENABLED = env.flag("LOCAL_LOGIN_ENABLED", True)
PASSWORD_MONTHS = env.integer("PASSWORD_MONTHS", 12, minimum=1, maximum=36)
PASSWORD_PRIVILEGED_LENGTH = env.integer("PASSWORD_PRIVILEGED_LENGTH", 15, minimum=15, maximum=64)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.LengthValidator"},
    {"NAME": "accounts.validators.ContextValidator"},
    {"NAME": "accounts.validators.HistoryValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PSC_ABOUT_URL = env.url("PSC_ABOUT_URL", "https://esante.gouv.fr/produits-services/pro-sante-connect")
SESSION_LOCK_MINUTES = env.integer("SESSION_LOCK_MINUTES", 15, minimum=5, maximum=120)
SESSION_LOCKED_HOURS = env.integer("SESSION_LOCKED_HOURS", 2, minimum=1, maximum=12)
SESSION_HOURS_LOCAL = env.integer("SESSION_HOURS_LOCAL", 12, minimum=1, maximum=12)
SESSION_HOURS_PSC = env.integer("SESSION_HOURS_PSC", 4, minimum=1, maximum=4)
SESSION_COUNT_MAX = env.integer("SESSION_COUNT_MAX", 3, minimum=1, maximum=20)

HTTPS = env.flag("DPI_HTTPS", True)
# Two instances on one host share their cookies whatever their ports: the name tells them apart.
_suffix = env.text("DPI_COOKIE_SUFFIX", "")
_prefix = "__Host-" if HTTPS else ""
# In the database alone: people keep working when Redis is gone, and a session that was ended cannot
# come back from a cache.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = f"{_prefix}sessionid{_suffix}"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
# Lax, not Strict: the callback of Pro Santé Connect is a cross-site top-level GET.
SESSION_COOKIE_SAMESITE = "Lax"
UI_COOKIE_PREFIX = f"dpi{_suffix}"
CSRF_COOKIE_NAME = f"{_prefix}csrftoken{_suffix}"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.words("DPI_CSRF_TRUSTED_ORIGINS")
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Passwords are the administrators': five failures lock the account, and the address, for half an hour.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.5  # hours
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_USERNAME_FORM_FIELD = "username"
AXES_SENSITIVE_PARAMETERS = ["username", "password", "current", "new", "again"]
AXES_CLIENT_IP_CALLABLE = "audit.middleware.client_ip"
AXES_LOCKOUT_CALLABLE = "accounts.local.same_answer"
# A success clears its own account alone (accounts.local), never the count of an address.
AXES_RESET_ON_SUCCESS = False
# The trace holds the attempts; a second register of them would only be one more to protect.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False

# --- Headers and uploads ---------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# A hospital's inner name does not belong on the browsers' preload list.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if DPI_TRUSTED_PROXIES else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Browsers check the redirects that follow a form: the identity provider must be listed.
FORM_ACTION_ORIGINS = env.words(
    "DPI_FORM_ACTION_ORIGINS", ["https://wallet.esw.esante.gouv.fr", "https://auth.esw.esante.gouv.fr"]
)
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF, "blob:"],
        "frame-ancestors": [NONE],
        "form-action": [SELF, *FORM_ACTION_ORIGINS],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_PERMISSIONS = 0o640

# --- API (security 10.6) ---------------------------------------------------------------------
API_CALLS_PER_MINUTE = env.integer("API_CALLS_PER_MINUTE", 600, minimum=1)
API_SEARCHES_PER_MINUTE = env.integer("API_SEARCHES_PER_MINUTE", 60, minimum=1)
API_EXPORTS_PER_HOUR = env.integer("API_EXPORTS_PER_HOUR", 5, minimum=1)
# Every endpoint stands on accounts.api.views.ApiView, which says the same; a view of the framework that
# somebody forgot to derive from it is closed to everybody.
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.callers.TokenAuthentication",
        "accounts.api.callers.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.access.DeclaredAccess"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.limits.CallLimit"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.bodies.SmallJson"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.api.access.JsonOnly",
    "DEFAULT_SCHEMA_CLASS": "dpi.api.schema.HouseSchema",
    "EXCEPTION_HANDLER": "dpi.api.problems.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "API du DPI",
    "DESCRIPTION": "Pour les logiciels de l’établissement. Mode d’emploi : docs/interfaces/api.md.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # Docstrings are for who reads the code; who reads the schema is told in French, by `description`.
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "dpi.api.schema.say_what_is_required",
        "dpi.api.schema.share_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "CallerKind": ["token", "session"],
        "Sex": "patients.enums.Sex",
        "IdentityStatus": "patients.enums.IdentityStatus",
        "IdentityAttribute": "patients.enums.IdentityAttribute",
        "AlertKind": "patients.enums.AlertKind",
        "AlertState": "patients.enums.AlertState",
        "EpisodeKind": "patients.enums.EpisodeKind",
        "EpisodeState": "patients.enums.EpisodeState",
        "SearchTier": "patients.selectors.Tier",
        "ChoiceSubject": "consent.enums.Subject",
        "ChoiceValue": "consent.enums.ChoiceValue",
        "ChoiceSource": "consent.enums.ChoiceSource",
        "DocumentOrigin": "documents.enums.Origin",
        "VersionState": "documents.api.FILED_STATES",
        "Structure": "documents.enums.Structure",
        "Intake": "documents.enums.Intake",
        "ReceiptRequest": "documents.enums.ReceiptRequest",
        "ReceiptOutcome": "documents.enums.ReceiptOutcome",
        "OrderChannel": "sending.enums.Channel",
        "OrderAction": "sending.enums.OrderAction",
        "OrderOrigin": "sending.enums.OrderOrigin",
        "OrderState": "sending.enums.OrderState",
        "OrderReason": "sending.api.REASONS",
        "DeletionMotive": "documents.enums.DeletionMotive",
        "StatsChapter": "stats.enums.Chapter",
        "StatsMeasure": "stats.enums.Measure",
        "ByService": "stats.api.SERVICES",
    },
}

# --- Language, time, static files ------------------------------------------------------------
LANGUAGE_CODE = "fr"
USE_I18N = True
LOCALE_PATHS = [Path(rest_framework.__file__).parent / "locale"]
USE_TZ = True
TIME_ZONE = env.text("DPI_TIME_ZONE", "Europe/Paris")
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = env.flag("DPI_STATIC_FROM_SOURCES", False)
_static_root = env.path("DPI_STATIC_ROOT", BASE_DIR / "staticfiles")
STATIC_ROOT = None if WHITENOISE_USE_FINDERS else _static_root
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Documents -------------------------------------------------------------------------------
DOCUMENT_STORE = env.path("DPI_DOCUMENT_STORE", BASE_DIR / "build" / "documents")
PRINT_FONTS = [Path(font) for font in env.words("DPI_PRINT_FONTS", DEFAULT_FONTS)]

# --- Sending ---------------------------------------------------------------------------------
SENDING_DELAY_MINUTES = env.integer("SENDING_DELAY_MINUTES", 120)
SENDING_ACK_HOURS = env.integer("SENDING_ACK_HOURS", 24, minimum=1)
# MSH-3 to 6 and MSH-11 of the messages that we emit.
HL7_APPLICATION = env.text("HL7_APPLICATION", "DPI")
HL7_PFI_APPLICATION = env.text("HL7_PFI_APPLICATION", "PFI")
HL7_FACILITY = env.text("HL7_FACILITY", "ETABLISSEMENT")
HL7_PROCESSING_ID = env.text("HL7_PROCESSING_ID", "P", choices=("P", "T", "D"))

# --- DMP (dmp.md 2.2, 9) -----------------------------------------------------------------------
DMP_SOFTWARE_NAME = env.text("DMP_SOFTWARE_NAME", "DPI")
DMP_NO_HOMOLOGATION = "non-homologue"
DMP_HOMOLOGATION = env.secret("DMP_HOMOLOGATION", DMP_NO_HOMOLOGATION)
DMP_INSTALLATION_ID = env.text("DMP_INSTALLATION_ID", "")
DMP_CUMUL_INVISIBLE_MASQUE = env.flag("DMP_CUMUL_INVISIBLE_MASQUE", False)
PFI_PARALLEL_JOBS = env.integer("PFI_PARALLEL_JOBS", 1, minimum=1)
DMP_SILENCE_HOURS = env.integer("DMP_SILENCE_HOURS", 24, minimum=1, maximum=720)
PFI_QUEUE_HOURS = env.integer("PFI_QUEUE_HOURS", 2, minimum=1, maximum=168)
PFI_ERROR_PERCENT = env.integer("PFI_ERROR_PERCENT", 20, minimum=1, maximum=100)
DMP_SUBMIT_TIMEOUT_SECONDS = env.integer("DMP_SUBMIT_TIMEOUT_SECONDS", 120, minimum=1)
DMP_QUERY_TIMEOUT_SECONDS = env.integer("DMP_QUERY_TIMEOUT_SECONDS", 30, minimum=1)
DMP_EXISTENCE_TIMEOUT_SECONDS = env.integer("DMP_EXISTENCE_TIMEOUT_SECONDS", 10, minimum=1)
# What TD0.2 said of a patient serves feeding that long; the one relaunch of what had no open DMP (dmp.md 8).
DMP_FEEDING_EXISTENCE_HOURS = env.integer("DMP_FEEDING_EXISTENCE_HOURS", 24, maximum=168)
DMP_RELAUNCH_DAYS = env.integer("DMP_RELAUNCH_DAYS", 7, maximum=365)
DMP_CRL_PATH = env.path("DMP_CRL_PATH")
# A token lives 30 seconds: beyond this difference with the clock of the DMP nothing is signed (dmp.md 9).
DMP_CLOCK_DRIFT_SECONDS = env.integer("DMP_CLOCK_DRIFT_SECONDS", 5, minimum=1, maximum=25)
DMP_RETRIEVE_TIMEOUT_SECONDS = env.integer("DMP_RETRIEVE_TIMEOUT_SECONDS", 60, minimum=1)
# What the national service may change, or does not publish (dmp.md 12).
DMP_AIR_BASE_URL = env.url("DMP_AIR_BASE_URL", "")
DMP_SOFTWARE_OID = env.text("DMP_SOFTWARE_OID", "")
DMP_PROCESSING_CODE = env.text("DMP_PROCESSING_CODE", "P", choices=("P", "D"))
DMP_STATUS_CODES = env.pairs(
    "DMP_STATUS_CODES",
    {"VALIDE": "valid", "EXPIREE": "expired", "INTERDITE": "blocked", "INEXISTANTE": "none"},
    values=("valid", "expired", "blocked", "none"),
)
# What only the server decides (dmp.md 1.1, 2.5, 9): a value is changed here, not in a release.
DMP_PATHS = env.named(
    "DMP_PATHS",
    {
        "registry": xds_codes.PATH_REGISTRY,
        "repository": xds_codes.PATH_REPOSITORY,
        "patients": dmp_codes.PATH_PATIENTS,
        "habilitations": dmp_codes.PATH_AUTHORISATIONS,
    },
)
DMP_ACTIONS = env.named(
    "DMP_ACTIONS",
    {
        "TD0.2": dmp_codes.ACTION_TD02,
        "TD0.3": dmp_codes.ACTION_TD03,
        "TD2.1": xds_codes.ACTION_ITI41,
        "TD3.1": xds_codes.ACTION_ITI18,
        "TD3.2": xds_codes.ACTION_ITI43,
        "TD3.3": xds_codes.ACTION_ITI57,
    },
)
# Codes of errors with the class that decides retry, stop and words: added to those that the sources name.
DMP_ERROR_KINDS = env.pairs(
    "DMP_ERROR_KINDS",
    {},
    values=("duplicate", "patient", "rights", "configuration", "data", "transient", "unknown"),
)
DMP_VIHF_DIGEST = env.text("DMP_VIHF_DIGEST", "sha256", choices=("sha256", "sha1"))
DMP_LOT_DIGEST = env.text("DMP_LOT_DIGEST", "sha256", choices=("sha256", "sha1"))
DMP_VIHF_WORDS = env.named(
    "DMP_VIHF_WORDS",
    {
        "air_mode": vihf_codes.MODE_INDIRECT_REINFORCED,
        "air_declaration": vihf_codes.AIR_SIMPLIFIED_DECLARATION,
        "secret_connection": vihf_codes.SECRET_CONNECTION_CODE,
        "purpose_system": vihf_codes.ACCESS_MODE_SYSTEM_NAME,
        "profession_system": vihf_codes.PROFESSION_SYSTEM_NAME,
        "specialty_system": vihf_codes.SPECIALTY_SYSTEM_NAME,
        **{purpose: purpose for purpose, _ in vihf_codes.PURPOSES},
    },
)
DMP_VIHF_VERSION = env.text("DMP_VIHF_VERSION", "3.0", choices=("3.0", "4.0"))
DMP_AIR_VIHF_VERSION = env.text("DMP_AIR_VIHF_VERSION", "3.0", choices=("3.0", "4.0"))
DMP_VIHF_MODE_ATTRIBUTE = env.text(
    "DMP_VIHF_MODE_ATTRIBUTE",
    "Authentification_mode",
    choices=("Authentification_mode", "Authentification_Mode"),
)
DMP_VIHF_DECLARATION_ELEMENT = env.text(
    "DMP_VIHF_DECLARATION_ELEMENT",
    "AuthnContextDecl",
    choices=("AuthnContextDecl", "AuthnContextDeclRef"),
)

# --- MSSanté (mssante 1.4, 1.6, 1.10) ------------------------------------------------------------
MSS_PATIENT_DOMAIN = env.text("MSS_PATIENT_DOMAIN", "patient.mssante.fr")
MSS_PATIENT_ALLOW_UNQUALIFIED = env.flag("MSS_PATIENT_ALLOW_UNQUALIFIED", False)
MSS_FIN_DEFAULT = env.flag("MSS_FIN_DEFAULT", True)
MSS_ASK_READING = env.flag("MSS_ASK_READING", True)
MSS_MATRIX_MODE = env.text("MSS_MATRIX_MODE", "warn", choices=("off", "warn", "strict"))
MSS_MAX_MESSAGE_BYTES = env.integer("MSS_MAX_MESSAGE_BYTES", 10 * 2**20, minimum=1)
MSS_MAX_PATIENT_BYTES = env.integer("MSS_MAX_PATIENT_BYTES", 25_000_000, minimum=1)
MSS_PARALLEL_MAILS = env.integer("MSS_PARALLEL_MAILS", 1, minimum=1)
MSS_DOUBT_SECONDS = env.integer("MSS_DOUBT_SECONDS", 900, minimum=1)
# Domains that the establishment owns: what goes there has no external recipient (mssante 6).
MSS_INTERNAL_DOMAINS = env.words("MSS_INTERNAL_DOMAINS")
DIRECTORY_COPY_DAYS = env.integer("DIRECTORY_COPY_DAYS", 30, minimum=1, maximum=30)
MSS_DSN_TIMEOUT = env.integer("MSS_DSN_TIMEOUT", 5, minimum=1, maximum=30)
# Words of a bounce that no standard fixes, completed or corrected by the hospital (mssante 1.10).
MSS_BOUNCE_WORDS = env.pairs("MSS_BOUNCE_WORDS", {}, values=tuple(BounceReason))
MSS_NIL = env.text("MSS_NIL", "")
MSS_CONNECT_TIMEOUT_SECONDS = env.integer("MSS_CONNECT_TIMEOUT_SECONDS", 5, minimum=1)
MSS_TIMEOUT_SECONDS = env.integer("MSS_TIMEOUT_SECONDS", 60, minimum=1)
MSS_MAX_MAIL_BYTES = env.integer("MSS_MAX_MAIL_MIB", 30, minimum=1, maximum=100) * 2**20
MSS_CRL_PATH = env.path("MSS_CRL_PATH")
MSS_MDN_FLAVOUR = env.text("MSS_MDN_FLAVOUR", "1.1", choices=("1.1", "1.1.3"))
MSS_TECHNICAL_HOURS = env.integer("MSS_TECHNICAL_HOURS", 24)
PFI_DPI_PARTNER = env.text("PFI_DPI_PARTNER", "pfi")
PFI_BLOCK_MASKED_INBOUND = env.flag("PFI_BLOCK_MASKED_INBOUND", False)
XDM_ACTION_SLOT = env.text("XDM_ACTION_SLOT", ACTION_SLOT)

# --- Consultation of the DMP (dmp.md 6) ---------------------------------------------------------
# FINESS géographiques on the white list of the CNAM for AIR simplifié; `tous` for each site.
DMP_AIR_SITES = env.words("DMP_AIR_SITES", [])
DMP_STATUS_MINUTES = env.integer("DMP_STATUS_MINUTES", 15, maximum=60)
DMP_STAY_GRACE_DAYS = env.integer("DMP_STAY_GRACE_DAYS", 0, maximum=30)
DMP_PATIENCE_SECONDS = env.integer("DMP_PATIENCE_SECONDS", 20, minimum=1, maximum=60)
DMP_CALLS_AT_ONCE = env.integer("DMP_CALLS_AT_ONCE", 2, minimum=1)
DMP_FIRST_WINDOW_DAYS = env.integer("DMP_FIRST_WINDOW_DAYS", 730, minimum=1)
DMP_COUNTER_EVENT = env.text(
    "DMP_COUNTER_EVENT", "last_seen", choices=("last_seen", "last_visit", "last_integration", "period")
)
DMP_COUNTER_DAYS = env.integer("DMP_COUNTER_DAYS", 90, minimum=1)
DMP_COUNTER_RESET = env.text("DMP_COUNTER_RESET", "list", choices=("list", "explicit"))
# Kinds of stay (PV1-2) and roles for which opening a record counts new documents without a click.
DMP_COUNTER_CARE = env.words("DMP_COUNTER_CARE", ["O", "E"])
DMP_COUNTER_ROLES = env.words(
    "DMP_COUNTER_ROLES", ["prescripteur", "pharmacien", "soignant", "medicotechnique"]
)
# Code system of the second role of pharmacists (TRE_G05).
DMP_OID_PHARMACIST_SECTION = env.text("DMP_OID_PHARMACIST_SECTION", vihf_codes.OID_PHARMACIST_SECTION)
DMP_NOTICE_DAYS = env.integer("DMP_NOTICE_DAYS", 180, minimum=1)
# Regulatory wording (SC.DMP/CONF.11): a hospital adds to it, it does not shorten it.
DMP_NOTICE_TEXT = env.text(
    "DMP_NOTICE_TEXT",
    "Le logiciel peut effectuer des requêtes de recherche de document au nom de l'utilisateur sur les "
    "DMP/MES et permet d'en consulter, sur action manuelle, les documents d'intérêt. Ces interactions sont "
    "tracées avec l'identifiant national de l'utilisateur et le patient est notifié de ces interactions.",
)
DMP_NOTICE_WARNING = env.text(
    "DMP_NOTICE_WARNING",
    "Toute consultation de ma part d'un DMP/MES pour lequel le patient (ou son représentant légal) n'a pas "
    "donné son consentement m'expose à des poursuites.",
)

# --- HL7 over MLLP (hl7v2 1) and admissions (hl7v2 4) ---------------------------------------
MLLP_BIND = env.text("MLLP_BIND", "127.0.0.1")
MLLP_PORT = env.integer("DPI_MLLP_PORT", 2575, minimum=1, maximum=65535)
MLLP_CA_PATH = env.path("MLLP_CA_PATH")
MLLP_CERTIFICATE_PATH = env.path("MLLP_CERTIFICATE_PATH")
MLLP_KEY_PATH = env.path("MLLP_KEY_PATH")
# A partner without TLS is accepted from this machine only, unless the hospital says otherwise.
MLLP_ALLOW_PLAIN = env.flag("MLLP_ALLOW_PLAIN", False)
MLLP_MAX_FRAME_BYTES = env.integer("MLLP_MAX_FRAME_MIB", 64, minimum=1, maximum=512) * 2**20
MLLP_IDLE_SECONDS = env.integer("MLLP_IDLE_SECONDS", 60, minimum=1)
MLLP_MAX_CONNECTIONS = env.integer("MLLP_MAX_CONNECTIONS", 64, minimum=1)
MLLP_THREADS = env.integer("MLLP_THREADS", 4, minimum=1, maximum=64)
MLLP_CONNECT_TIMEOUT_SECONDS = env.integer("MLLP_CONNECT_TIMEOUT_SECONDS", 3, minimum=1)
MLLP_ACK_TIMEOUT_SECONDS = env.integer("MLLP_ACK_TIMEOUT_SECONDS", 30, minimum=1)
PAM_CONSENT = env.flag("PAM_CONSENT", True)
PAM_OPTIONAL_EVENTS = env.text("PAM_OPTIONAL_EVENTS", "ignore", choices=("ignore", "refuse"))
PAM_UNTRUSTED_CODES = env.words("PAM_UNTRUSTED_CODES", ["DOUT", "FICT"])
# --- INSi (ins.md 3, 11) -----------------------------------------------------------------------
INSI_AUTHORISATION = env.secret("INSI_AUTHORISATION", "")
INSI_SOFTWARE_NAME = env.text("INSI_SOFTWARE_NAME", "DPI")
INSI_SOFTWARE_VERSION = env.text("INSI_SOFTWARE_VERSION", "")
INSI_ACTION = env.text("INSI_ACTION", ACTION_SEARCH)
INSI_CRL_PATH = env.path("INSI_CRL_PATH")
INSI_TIMEOUT_SECONDS = env.integer("INSI_TIMEOUT_SECONDS", 10, minimum=1, maximum=60)
IDENTITY_MASTER = env.text("IDENTITY_MASTER", "self", choices=("self", "external_pam"))
INS_ALLOWED_OIDS = env.words("INS_ALLOWED_OIDS", sorted(PRODUCTION_INS_OIDS))
RECEPTION_NOTICE_KINDS = env.words("RECEPTION_NOTICE_KINDS", ["new", "replaced", "deleted"])
RECEPTION_ACCEPTS_ORPHAN = env.flag("RECEPTION_ACCEPTS_ORPHAN", False)
CARE_RELATION_DAYS = env.integer("CARE_RELATION_DAYS", 30)

# --- Indicators (stats 1 to 5) ------------------------------------------------------------------
# `11488-4=AUTRE`, `34749-2=CRCONS`: what the hospital changes of stats/document_types.py.
STATS_TYPE_CODES = env.words("STATS_TYPE_CODES")
STATS_STAY_KINDS = env.words("STATS_STAY_KINDS", ["I", "R"])
STATS_CONSULTATION_KINDS = env.words("STATS_CONSULTATION_KINDS", ["O"])
STATS_COUNT_VERSIONS = env.flag("STATS_COUNT_VERSIONS", False)
STATS_DMP_TOLERANCE_DAYS = env.integer("STATS_DMP_TOLERANCE_DAYS", 0, maximum=30)
STATS_DECIMAL_COMMA = env.flag("STATS_DECIMAL_COMMA", True)
STATS_CSV_LAYOUT = env.text("STATS_CSV_LAYOUT", "stats.csv_layout")
STATS_DIRECT_LINES = env.integer("STATS_DIRECT_LINES", 40_000, minimum=1)
STATS_EXPORT_FOLDER = env.path("STATS_EXPORT_FOLDER")
STATS_EXPORT_DAY = env.integer("STATS_EXPORT_DAY", 2, minimum=1, maximum=28)
STATS_EXPORT_HOUR = env.integer("STATS_EXPORT_HOUR", 5, maximum=23)
STATS_SCREEN_MINUTES = env.integer("STATS_SCREEN_MINUTES", 15, minimum=1, maximum=720)
STATS_GOAL_PERCENT = env.integer("STATS_GOAL_PERCENT", 80, maximum=100)
STATS_INS_GOAL_PERCENT = env.integer("STATS_INS_GOAL_PERCENT", 80, maximum=100)
STATS_DROP_POINTS = env.integer("STATS_DROP_POINTS", 10, minimum=1, maximum=100)
STATS_SILENCE_HOURS = env.integer("STATS_SILENCE_HOURS", 24, minimum=1, maximum=720)

# --- Logs ------------------------------------------------------------------------------------
LOG_LEVEL = env.text("DPI_LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.text("DPI_LOG_FORMAT", "json", choices=("json", "console"))
LOGGING_CONFIG = None
LOGGING = logging_config(level=LOG_LEVEL, form=LOG_FORMAT)
