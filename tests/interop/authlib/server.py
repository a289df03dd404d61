"""An authorization server written by others (Authlib on Flask), for grantlint to be run against.

    server.py [PORT]     PORT or $PORT; 0 (default) takes a free port

Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.

Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET, GRANTLINT_CLIENT_JWK (required;
the last is the public key of the client grantlint-key), CODE_FLOW=1 (GRANTLINT_USER_PASSWORD lets `alice` log in, and the
first two clients and grantlint-public, which has no secret, may have codes and refresh tokens), INTEROP_LOG=1 (Authlib's log and the request log on stderr).

Authlib leaves clients, tokens, their storage and the pages for users to the integrator. Those parts follow its documentation as
it stands; everything that reads a request of a client or writes an answer to one is the library's own.
"""

import json
import logging
import os
import secrets
import sys
import time
from dataclasses import dataclass, field

# Authlib's documented switch for http, which it refuses otherwise (loopback addresses apart, in newer versions).
os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidClientError,
    TokenMixin,
    grants,
    list_to_scope,
    scope_to_list,
)
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, jsonify, redirect, render_template_string, request, session, url_for
from joserfc.jwk import JWKRegistry
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT_SCOPES = ["invoices.read", "invoices.write"]
# `invoices.admin` exists, but no client may have it.
SCOPES = [*CLIENT_SCOPES, "invoices.admin"]
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
KEY_METHODS = (JWTBearerClientAssertion.CLIENT_AUTH_METHOD,)
AUTH_METHODS = [*SECRET_METHODS, *KEY_METHODS]
# Of the grants that a client without a secret may use.
USER_METHODS = [*AUTH_METHODS, "none"]
TOKEN_SECONDS = 3600
CODE_SECONDS = 300
CODE_FLOW = bool(os.environ.get("CODE_FLOW"))
# Where the clients that may have codes want them.
REDIRECT_URIS = {
    "grantlint": "https://client.example/cb",
    "grantlint-second": "https://second.example/cb",
    "grantlint-public": "https://public.example/cb",
}
LOGIN_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Log in</title></head><body>
{% if wrong %}<p role="alert">The name or the password is wrong.</p>{% endif %}
<form method="post">
<label>Name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button>
</form>
</body></html>
"""
CONSENT_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Allow access</title></head><body>
<p>{{ client_id }} asks {{ user }} for: {{ scope }}</p>
<form method="post">
<button name="confirm" value="yes">Allow</button>
<button name="confirm" value="">Deny</button>
</form>
</body></html>
"""


@dataclass(frozen=True)
class Client(ClientMixin):
    """A client with a secret, which it may send by either of SECRET_METHODS, with a public key, or public, with neither."""

    client_id: str
    client_secret: str = ""
    public_key: dict | None = None
    scope: str = " ".join(CLIENT_SCOPES)
    # Only a client that has one may use codes.
    redirect_uri: str | None = None

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        # RFC 6749 §3.3: a request without scope gets a default that is stated in the answer.
        if not scope:
            return self.scope
        allowed = set(scope_to_list(self.scope))
        return list_to_scope([token for token in scope_to_list(scope) if token in allowed])

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method, endpoint):
        if self.is_public():
            return method == "none"
        return method in (KEY_METHODS if self.public_key else SECRET_METHODS)

    def is_public(self):
        return not self.client_secret and self.public_key is None

    def get_default_redirect_uri(self):
        return self.redirect_uri

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect_uri

    def check_response_type(self, response_type):
        return self.redirect_uri is not None and response_type == "code"

    def check_grant_type(self, grant_type):
        if grant_type == grants.ClientCredentialsGrant.GRANT_TYPE:
            return not self.is_public()
        return self.redirect_uri is not None and grant_type in (CodeGrant.GRANT_TYPE, RefreshGrant.GRANT_TYPE)


@dataclass
class Token(TokenMixin):
    """An issued access token with its refresh token, if any. Times are in seconds since the epoch."""

    access_token: str
    client_id: str
    token_type: str
    scope: str
    expires_in: int
    refresh_token: str | None = None
    user: str | None = None
    issued_at: int = field(default_factory=lambda: int(time.time()))
    revoked: bool = False

    def check_client(self, client):
        return self.client_id == client.client_id

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def expires_at(self):
        return self.issued_at + self.expires_in

    def is_expired(self):
        return self.expires_at() < time.time()

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.user

    def get_client(self):
        return CLIENTS[self.client_id]


@dataclass
class Code(AuthorizationCodeMixin):
    """An authorization code, and what it is bound to."""

    code: str
    client_id: str
    redirect_uri: str | None
    scope: str
    user: str
    code_challenge: str | None
    code_challenge_method: str | None
    expires_at: float = field(default_factory=lambda: time.time() + CODE_SECONDS)

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


CLIENTS = {}
CODES = {}
TOKENS = {}
# The same tokens by their refresh token.
REFRESHABLE = {}
SEEN_ASSERTIONS = set()


class ClientAssertion(JWTBearerClientAssertion):
    def __init__(self, issuer):
        super().__init__()
        self.issuer = issuer

    def get_audiences(self):
        return [f"{self.issuer}/oauth/token", self.issuer]

    def validate_jti(self, claims, jti):
        seen = (claims["sub"], jti) in SEEN_ASSERTIONS
        SEEN_ASSERTIONS.add((claims["sub"], jti))
        return not seen

    def resolve_client_public_key(self, client):
        if client.public_key is None:
            raise InvalidClientError(description="The client has no key.")
        return JWKRegistry.import_key(client.public_key)


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = USER_METHODS

    def save_authorization_code(self, code, request):
        CODES[code] = Code(
            code=code,
            client_id=request.client.client_id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            user=request.user,
            code_challenge=request.payload.data.get("code_challenge"),
            code_challenge_method=request.payload.data.get("code_challenge_method"),
        )

    def query_authorization_code(self, code, client):
        item = CODES.get(code)
        return item if item and item.client_id == client.client_id and item.expires_at > time.time() else None

    def delete_authorization_code(self, authorization_code):
        CODES.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = USER_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = REFRESHABLE.get(refresh_token)
        return token if token and not token.revoked else None

    def authenticate_user(self, refresh_token):
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked = True


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string, token_type_hint):
        return TOKENS.get(token_string) or REFRESHABLE.get(token_string)

    def revoke_token(self, token, request):
        token.revoked = True


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string, token_type_hint):
        return TOKENS.get(token_string) or REFRESHABLE.get(token_string)

    def check_permission(self, token, client, request):
        return token.check_client(client)

    def introspect_token(self, token):
        return {
            "active": True,
            "client_id": token.client_id,
            "token_type": token.token_type,
            "scope": token.scope,
            "exp": token.expires_at(),
            "iat": token.issued_at,
            **({"sub": token.user} if token.user else {}),
        }


class BearerTokens(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return TOKENS.get(token_string)


def save_token(token, request):
    saved = TOKENS[token["access_token"]] = Token(
        access_token=token["access_token"],
        client_id=request.client.client_id,
        token_type=token["token_type"],
        scope=token.get("scope", ""),
        expires_in=token["expires_in"],
        refresh_token=token.get("refresh_token"),
        user=request.user,
    )
    if saved.refresh_token:
        REFRESHABLE[saved.refresh_token] = saved


def add_pages(app, authorization):
    """The authorization endpoint as Authlib's documentation has it, and a login, which it leaves to the application."""
    app.secret_key = "signs the session of one test user"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"

    @app.after_request
    def protect_pages(response):
        if response.mimetype == "text/html":
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.route("/login", methods=["GET", "POST"])
    def log_in():
        wrong = False
        if request.method == "POST":
            password = os.environ["GRANTLINT_USER_PASSWORD"]
            if request.form.get("username") == "alice" and secrets.compare_digest(
                request.form.get("password", "").encode(), password.encode()
            ):
                session["user"] = "alice"
                return redirect(url_for("authorize") + "?" + session.pop("asked", ""), code=303)
            wrong = True
        return render_template_string(LOGIN_PAGE, wrong=wrong)

    @app.route("/oauth/authorize", methods=["GET", "POST"])
    def authorize():
        user = session.get("user")
        try:
            grant = authorization.get_consent_grant(end_user=user)
        except OAuth2Error as error:
            return authorization.handle_error_response(request, error)
        if user is None:
            session["asked"] = request.query_string.decode()
            return redirect(url_for("log_in"), code=303)
        if request.method == "GET":
            scope = grant.client.get_allowed_scope(grant.request.payload.scope)
            return render_template_string(CONSENT_PAGE, client_id=grant.client.client_id, user=user, scope=scope)
        granted = user if request.form.get("confirm") else None
        return authorization.create_authorization_response(grant_user=granted, grant=grant)


def set_up(app, issuer):
    app.config["OAUTH2_SCOPES_SUPPORTED"] = SCOPES
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": TOKEN_SECONDS, "authorization_code": TOKEN_SECONDS}
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = CODE_FLOW

    authorization = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save_token)
    authorization.register_client_auth_method(ClientAssertion.CLIENT_AUTH_METHOD, ClientAssertion(issuer))
    authorization.register_grant(ClientCredentialsGrant)
    if CODE_FLOW:
        authorization.register_grant(CodeGrant, [CodeChallenge(required=True)])
        authorization.register_grant(RefreshGrant)
        add_pages(app, authorization)
    authorization.register_endpoint(Revocation)
    authorization.register_endpoint(Introspection)

    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(BearerTokens(realm="invoices"))

    @app.post("/oauth/token")
    def issue_token():
        return authorization.create_token_response()

    @app.post("/oauth/revoke")
    def revoke_token():
        return authorization.create_endpoint_response(Revocation.ENDPOINT_NAME)

    @app.post("/oauth/introspect")
    def introspect_token():
        return authorization.create_endpoint_response(Introspection.ENDPOINT_NAME)

    @app.get("/invoices")
    @require_oauth("invoices.read")
    def list_invoices():
        return jsonify(invoices=[])

    @app.post("/invoices")
    @require_oauth("invoices.write")
    def take_invoice():
        return jsonify(invoices=[]), 201


def main():
    try:
        port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "0"))
    except ValueError:
        sys.exit("the port must be a number from 0 to 65535")
    for client_id, variable in [
        ("grantlint", "GRANTLINT_CLIENT_SECRET"),
        ("grantlint-second", "GRANTLINT_SECOND_SECRET"),
        ("special", "GRANTLINT_SPECIAL_SECRET"),
    ]:
        if not os.environ.get(variable):
            sys.exit(f"{variable} is not set")
        redirect_uri = REDIRECT_URIS.get(client_id) if CODE_FLOW else None
        CLIENTS[client_id] = Client(client_id, client_secret=os.environ[variable], redirect_uri=redirect_uri)
    if CODE_FLOW:
        CLIENTS["grantlint-public"] = Client("grantlint-public", redirect_uri=REDIRECT_URIS["grantlint-public"])
    if CODE_FLOW and not os.environ.get("GRANTLINT_USER_PASSWORD"):
        sys.exit("GRANTLINT_USER_PASSWORD is not set")
    if not os.environ.get("GRANTLINT_CLIENT_JWK"):
        sys.exit("GRANTLINT_CLIENT_JWK is not set")
    CLIENTS["grantlint-key"] = Client("grantlint-key", public_key=json.loads(os.environ["GRANTLINT_CLIENT_JWK"]))

    if os.environ.get("INTEROP_LOG"):
        logging.basicConfig(level=logging.DEBUG)
    else:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Werkzeug answers HTTP/1.0 unless told otherwise; nobody deploys that.
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    app = Flask(__name__)
    server = make_server("127.0.0.1", port, app, threaded=True)
    # An assertion's audience holds the port, so the rest is set up once the port is known.
    issuer = f"http://127.0.0.1:{server.server_port}"
    set_up(app, issuer)
    print(f"listening on {issuer}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
