"""Settings of the site: one file, read from the environment only (config.env), secure when nothing is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from config import blob_store, env
from config.databases import database
from config.mail import NO_MAIL, mail_settings
from operations import broker_address, public_address
from runners import saying

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("PODIUM_VAR", str(BASE_DIR / "var"))).resolve()

SECRET_KEY = env.secret("PODIUM_SECRET_KEY", VAR / "secrets" / "secret_key")
DEBUG = env.flag("PODIUM_DEBUG")
# The address that people type; what follows from it is in operations.public_address and operations.reach.
SITE = env.text("PODIUM_SITE", "")
_address = env.checked("PODIUM_SITE", public_address.parse) if SITE else None
PUBLIC_URL = _address.url if _address else ""
NAMED_HOSTS = env.names("PODIUM_ALLOWED_HOSTS", "")
ALLOWED_HOSTS = public_address.allowed_hosts(NAMED_HOSTS, _address)
CSRF_TRUSTED_ORIGINS = public_address.trusted_origins(env.origins("PODIUM_TRUSTED_ORIGINS"), _address)
# Cookies may travel without TLS only where that was said aloud: by `make demo`, which listens on the loopback address
# only, or by an address that starts with http://.
SAID_PLAIN_HTTP = env.flag("PODIUM_PLAIN_HTTP")
PLAIN_HTTP = SAID_PLAIN_HTTP or (_address is not None and not _address.encrypted)

INSTALLED_APPS = [
    "operations",
    "judge",
    "leaderboard",
    "contests",
    "compute",
    "accounts",
    "config.apps.PodiumAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "config.request_ids.RequestIdMiddleware",
    "config.security.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "operations.read_only.ReadOnlyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.away.StoreAwayMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.policy",
                "operations.context.notice",
            ],
        },
    },
]


DATABASES = {"default": database(VAR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# unix:///… for the embedded Valkey, redis://… or rediss://… for a server.
REDIS_URL = env.broker("PODIUM_REDIS_URL", f"unix://{VAR / 'run' / 'valkey.sock'}")
CACHES = {"default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": REDIS_URL}}

CELERY_BROKER_URL = broker_address.for_celery(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A publish happens after commit, in a web request: better a lost bell than a hanging upload.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "judge"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 60
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "judge.sweep", "schedule": 15.0, "options": {"expires": 15.0}},
    "removals": {"task": "judge.removals", "schedule": 300.0, "options": {"expires": 300.0}},
    "tidy": {"task": "judge.tidy", "schedule": 3600.0, "options": {"expires": 3600.0}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "run" / "beat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
_MAIL_URL = env.private("PODIUM_EMAIL_URL")
MAIL_WORKS = _MAIL_URL not in {None, NO_MAIL}
globals().update(mail_settings(_MAIL_URL, env.text("PODIUM_EMAIL_FROM", "")))
SIGNUP_OPEN = env.choice("PODIUM_SIGNUP", "open", ("open", "closed")) == "open"
SETUP_TOKEN_FILE = VAR / "secrets" / "setup_token"
ACCOUNT_ADAPTER = "accounts.adapter.PodiumAccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Podium: "
ACCOUNT_EMAIL_VERIFICATION = "optional" if MAIL_WORKS else "none"
# A whole class may sit behind one address and sign up in the same minute; what guards a password is the limit for
# one account.
ACCOUNT_RATE_LIMITS = {
    "signup": "400/m/ip",
    "login": "300/m/ip",
    "login_failed": "100/m/ip,5/5m/key",
    "setup": "20/m/ip",
    # A mail to one address, or a new password, is asked for seldom; a class whose links were handed out, all at once.
    "reset_password": "60/m/ip,5/m/key",
    "reset_password_from_key": "240/m/ip",
}
ACCOUNT_FORMS = {
    "change_password": "accounts.password_forms.OwnPasswordForm",
    "reset_password_from_key": "accounts.password_forms.PasswordByLinkForm",
}
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if PLAIN_HTTP else "https"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "contests:home"
ACCOUNT_LOGOUT_REDIRECT_URL = "contests:home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.time_zone("PODIUM_TIME_ZONE", "UTC")

STATIC_URL = "/static/"
# An image collects its static files when it is built, and names them here.
STATIC_COLLECTED = env.optional("PODIUM_STATIC")
STATIC_ROOT = Path(STATIC_COLLECTED) if STATIC_COLLECTED else VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.staticfiles.HashedStorage"},
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api_authentication.ApiTokenAuthentication",
        "accounts.api_authentication.ApiSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest.parsers.Json"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "rest.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "NUM_PROXIES": int(env.flag("PODIUM_BEHIND_PROXY")),
}
# Requests a minute, for one person or (without a login) one address; 0: no limit. See rest.throttles.
API_RATES = {
    "anonymous": env.number("PODIUM_API_ANONYMOUS_PER_MINUTE", 60, least=0),
    "user": env.number("PODIUM_API_USER_PER_MINUTE", 600, least=0),
    "uploads": env.number("PODIUM_API_UPLOADS_PER_MINUTE", 60, least=0),
    "tokens": env.number("PODIUM_API_TOKENS_PER_MINUTE", 10, least=0),
    "board": env.number("PODIUM_API_BOARD_PER_MINUTE", 1200, least=0),
    # Of pages and the API together. A class without logins behind one address fetches its data at the same time.
    "downloads": env.number("PODIUM_DOWNLOADS_PER_MINUTE", 120, least=0),
    "anonymous_downloads": env.number("PODIUM_DOWNLOADS_PER_ADDRESS_PER_MINUTE", 1200, least=0),
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Podium",
    "DESCRIPTION": "Everything a contestant or an organiser does on this site. A tour with examples: docs/api.md.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_URLCONF": "config.api_urls",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "SubmissionStatusEnum": "contests.models.Submission.Status",
        "SubmissionKindEnum": "contests.models.Submission.Kind",
        "CheckStatusEnum": "contests.models.Check.Status",
        "RegistrationEnum": "contests.models.Contest.Registration",
        "ParticipationStateEnum": "contests.models.Participation.State",
        "DecisionEnum": ["active", "refused"],
        "ContestStateEnum": ["upcoming", "open", "ended"],
        "VerdictEnum": "runners.verdict.Verdict",
    },
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not PLAIN_HTTP
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not PLAIN_HTTP
PODIUM_BEHIND_PROXY = env.flag("PODIUM_BEHIND_PROXY")
ALLAUTH_TRUSTED_PROXY_COUNT = int(PODIUM_BEHIND_PROXY)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PODIUM_BEHIND_PROXY else None
# The runner hosts speak to the web process over loopback or their own tunnel; a redirect would eat their POSTs.
# Probes and Prometheus ask on loopback, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^runner/v1/", r"^(healthz|readyz|metrics)$"]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

PODIUM_BLOBS = VAR / "blobs"  # with S3: what is on its way there
PODIUM_S3 = blob_store.s3()
PODIUM_MAX_UPLOAD_MB = env.number("PODIUM_MAX_UPLOAD_MB", 100)
PODIUM_MAX_DATA_MB = env.number("PODIUM_MAX_DATA_MB", 512)
PODIUM_MAX_OUTPUT_MB = env.number("PODIUM_MAX_OUTPUT_MB", 256)
# Of a team and phase: programs that failed in their rehearsal on public samples, which costs no quota.
PODIUM_FREE_REHEARSALS_PER_DAY = env.number("PODIUM_FREE_REHEARSALS_PER_DAY", 20)
PODIUM_LEASE_S = env.number("PODIUM_LEASE_S", 60)
PODIUM_HEARTBEAT_S = env.number("PODIUM_HEARTBEAT_S", 10)
PODIUM_MAX_ATTEMPTS = 3
# Usage curves of runs that ended longer ago are removed; 0: never. Sums stay.
PODIUM_USAGE_DAYS = env.number("PODIUM_USAGE_DAYS", 90, least=0)
# Who asks /metrics with it is answered; without one, this machine alone (config.prometheus).
PODIUM_METRICS_TOKEN = env.private("PODIUM_METRICS_TOKEN")
# With less space than this on its disks the site is not ready (operations.health).
PODIUM_DISK_LOW_MB = env.number("PODIUM_DISK_LOW_MB", 200)
PODIUM_VERSION = "0.1.0"
# Request bodies above 2.5 MB go to files here while they stream in: the web process stays small (see config.asgi).
FILE_UPLOAD_TEMP_DIR = VAR / "uploads"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

for _folder in (VAR, VAR / "run", VAR / "uploads", VAR / "blobs", STATIC_ROOT):
    _folder.mkdir(parents=True, exist_ok=True)

LOGGING: dict[str, Any] = saying.configure_stdlib(env.choice("PODIUM_LOG", "auto", ("auto", *saying.FORMATS)))
