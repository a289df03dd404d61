"""An authorization server written by others (Django OAuth Toolkit, below Waitress), with a protected resource behind its own
`ProtectedResourceMetadataMixin`, for grantlint to be run against. What is configured here is what every deployment must
choose; nothing is bent.

    server.py [PORT]     PORT or $PORT; 0 (default) takes a free port

Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.

Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET (required),
INTEROP_LOG=1 (Django's and the toolkit's log on stderr).
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
        SECRET_KEY="of no use: nothing is signed for a browser",
        # A file, since threads do not share an SQLite database in memory.
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "database",
                # Without IMMEDIATE a thread that reads first and writes later is refused at once.
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
        # Django's advice for tests: its usual hash takes half a second for each request.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGGING_CONFIG=None,
        OAUTH2_PROVIDER={
            "SCOPES": SCOPES,
            "SCOPES_BACKEND_CLASS": ScopesOfClients,
            "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
            # The metadata announces what stands here, whatever the clients may do.
            "OAUTH2_GRANT_TYPES_SUPPORTED": ["client_credentials"],
        },
    )
    django.setup()


def urls():
    """The toolkit's endpoints below /o, as its documentation mounts them, its metadata at the root, and the resource."""
    # These modules want Django to be set up.
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

    return [
        path("", include((toolkit.metadata_urlpatterns, "oauth2_provider"), namespace="metadata")),
        path("o/", include((toolkit.base_urlpatterns + toolkit.metadata_urlpatterns, "oauth2_provider"))),
        path("invoices", Invoices.as_view()),
    ]


def main():
    try:
        port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "0"))
    except ValueError:
        sys.exit("the port must be a number from 0 to 65535")
    for variable in CLIENTS.values():
        if not os.environ.get(variable):
            sys.exit(f"{variable} is not set")
    logging.basicConfig(level=logging.DEBUG if os.environ.get("INTEROP_LOG") else logging.CRITICAL)

    with tempfile.TemporaryDirectory(prefix="grantlint-django-") as folder:
        configure(Path(folder))
        call_command("migrate", verbosity=0)
        # A module of its own, since Django imports the addresses by name.
        module = type(sys)("invoices_urls")
        module.urlpatterns = urls()
        sys.modules["invoices_urls"] = module

        from oauth2_provider.models import Application

        for client_id, variable in CLIENTS.items():
            Application.objects.create(
                name=client_id,
                client_id=client_id,
                client_secret=os.environ[variable],
                client_type=Application.CLIENT_CONFIDENTIAL,
                authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            )

        server = create_server(get_wsgi_application(), host="127.0.0.1", port=port, threads=THREADS)
        # SystemExit ends Waitress in good order, and the folder goes.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
        server.run()


if __name__ == "__main__":
    main()
