"""An authorization server written by others (Django OAuth Toolkit, below Waitress), with a protected resource behind its own
`ProtectedResourceMetadataMixin`, for grantlint to be run against. What is configured here is what every deployment must
choose; nothing is bent.

    server.py [PORT]     PORT or $PORT; 0 (default) takes a free port

Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.

Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET (required),
CODE_FLOW=1 (GRANTLINT_USER_PASSWORD lets `alice` log in, and the first two clients and grantlint-public, which has no secret, may
have codes and refresh tokens), INTEROP_LOG=1 (Django's and the toolkit's log on stderr).
"""

import logging
import os
import signal
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from waitress.server import create_server

CLIENT_SCOPES = ["invoices.read", "invoices.write"]
# `invoices.admin` exists, but no client may have it.
SCOPES = {"invoices.read": "read", "invoices.write": "write", "invoices.admin": "administer"}
NEEDED_SCOPE = {"GET": "invoices.read", "HEAD": "invoices.read", "POST": "invoices.write"}
TOKEN_SECONDS = 3600
THREADS = 4
CLIENTS = {
    "grantlint": "GRANTLINT_CLIENT_SECRET",
    "grantlint-second": "GRANTLINT_SECOND_SECRET",
    "special": "GRANTLINT_SPECIAL_SECRET",
}
# Where the clients that may have codes want them.
REDIRECT_URIS = {
    "grantlint": "https://client.example/cb",
    "grantlint-second": "https://second.example/cb",
    "grantlint-public": "https://public.example/cb",
}
CODE_FLOW = bool(os.environ.get("CODE_FLOW"))
GRANT_TYPES = ["client_credentials", *(["authorization_code", "refresh_token"] if CODE_FLOW else [])]
# Those of a new project of Django that the pages need.
BROWSER_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# From "Using the views" of Django's documentation, without its base.html.
LOGIN_PAGE = """<!DOCTYPE html>
<html><head><title>Login</title></head><body>
{% if form.errors %}<p>Your username and password didn't match. Please try again.</p>{% endif %}
<form method="post" action="{% url 'login' %}">
{% csrf_token %}
<table>
<tr><td>{{ form.username.label_tag }}</td><td>{{ form.username }}</td></tr>
<tr><td>{{ form.password.label_tag }}</td><td>{{ form.password }}</td></tr>
</table>
<input type="submit" value="login">
<input type="hidden" name="next" value="{{ next }}">
</form>
</body></html>
"""


class ScopesOfClients:
    """Which scopes there are, and which of them a client may have; the toolkit leaves that to the deployment."""

    def get_all_scopes(self):
        return SCOPES

    def get_available_scopes(self, application=None, request=None):
        return CLIENT_SCOPES if application else list(SCOPES)

    def get_default_scopes(self, application=None, request=None):
        return ["invoices.read"]


def configure(folder):
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="invoices_urls",
        SECRET_KEY="signs the session of one test user",
        # A file, since threads do not share an SQLite database in memory.
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "database",
                # Without IMMEDIATE a thread that reads first and writes later is refused at once.
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"]
        + (["django.contrib.sessions", "django.contrib.staticfiles"] if CODE_FLOW else []),
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
        + (BROWSER_MIDDLEWARE if CODE_FLOW else []),
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["django.template.context_processors.request"],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN_PAGE}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        STATIC_URL="/static/",
        LOGIN_URL="login",
        # Django's advice for tests: its usual hash takes half a second for each request.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGGING_CONFIG=None,
        OAUTH2_PROVIDER={
            "SCOPES": SCOPES,
            "SCOPES_BACKEND_CLASS": ScopesOfClients,
            "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
            # The metadata announces what stands here, whatever the clients may do.
            "OAUTH2_GRANT_TYPES_SUPPORTED": GRANT_TYPES,
            **({"OAUTH2_VALIDATOR_CLASS": "invoices_urls.Validator"} if CODE_FLOW else {}),
        },
    )
    django.setup()


def urls():
    """The toolkit's endpoints below /o, as its documentation mounts them, its metadata at the root, and the resource."""
    # These modules want Django to be set up.
    from django.contrib.auth.views import LoginView
    from django.http import JsonResponse
    from django.urls import include, path
    from django.utils.decorators import method_decorator
    from django.views.decorators.csrf import csrf_exempt
    from oauth2_provider import urls as toolkit
    from oauth2_provider.views import ProtectedResourceView
    from oauth2_provider.views.mixins import ProtectedResourceMetadataMixin

    @method_decorator(csrf_exempt, name="dispatch")
    class Invoices(ProtectedResourceMetadataMixin, ProtectedResourceView):
        www_authenticate_realm = "invoices"

        def get_scopes(self):
            return [NEEDED_SCOPE.get(self.request.method, "invoices.write")]

        def get_resource_metadata_url(self, request):
            return request.build_absolute_uri("/.well-known/oauth-protected-resource/invoices")

        def get(self, request):
            return JsonResponse({"invoices": []})

        def post(self, request):
            return JsonResponse({"invoices": []}, status=201)

    login = [path("accounts/login/", LoginView.as_view(), name="login")] if CODE_FLOW else []
    return [
        *login,
        path("", include((toolkit.metadata_urlpatterns, "oauth2_provider"), namespace="metadata")),
        path("o/", include((toolkit.base_urlpatterns + toolkit.metadata_urlpatterns, "oauth2_provider"))),
        path("invoices", Invoices.as_view()),
    ]


def validator():
    """An application of the toolkit has one grant; the clients with a secret have client credentials beside codes here."""
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):
        def validate_grant_type(self, client_id, grant_type, client, request, *args, **kwargs):
            if grant_type == "client_credentials" and client.client_type == client.CLIENT_CONFIDENTIAL:
                return True
            return super().validate_grant_type(client_id, grant_type, client, request, *args, **kwargs)

    return Validator


def main():
    try:
        port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "0"))
    except ValueError:
        sys.exit("the port must be a number from 0 to 65535")
    for variable in [*CLIENTS.values(), *(["GRANTLINT_USER_PASSWORD"] if CODE_FLOW else [])]:
        if not os.environ.get(variable):
            sys.exit(f"{variable} is not set")
    logging.basicConfig(level=logging.DEBUG if os.environ.get("INTEROP_LOG") else logging.CRITICAL)

    with tempfile.TemporaryDirectory(prefix="grantlint-django-") as folder:
        configure(Path(folder))
        call_command("migrate", verbosity=0)
        # A module of its own, since Django imports the addresses by name.
        module = type(sys)("invoices_urls")
        sys.modules["invoices_urls"] = module
        module.urlpatterns = urls()
        module.Validator = validator()

        from django.contrib.auth import get_user_model
        from oauth2_provider.models import Application

        if CODE_FLOW:
            get_user_model().objects.create_user("alice", password=os.environ["GRANTLINT_USER_PASSWORD"])
            Application.objects.create(
                name="grantlint-public",
                client_id="grantlint-public",
                client_type=Application.CLIENT_PUBLIC,
                authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
                redirect_uris=REDIRECT_URIS["grantlint-public"],
            )

        for client_id, variable in CLIENTS.items():
            redirect_uri = REDIRECT_URIS.get(client_id, "") if CODE_FLOW else ""
            Application.objects.create(
                name=client_id,
                client_id=client_id,
                client_secret=os.environ[variable],
                client_type=Application.CLIENT_CONFIDENTIAL,
                authorization_grant_type=(
                    Application.GRANT_AUTHORIZATION_CODE if redirect_uri else Application.GRANT_CLIENT_CREDENTIALS
                ),
                redirect_uris=redirect_uri,
            )

        server = create_server(get_wsgi_application(), host="127.0.0.1", port=port, threads=THREADS)
        # SystemExit ends Waitress in good order, and the folder goes.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
        server.run()


if __name__ == "__main__":
    main()
