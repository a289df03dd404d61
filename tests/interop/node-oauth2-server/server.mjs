// An authorization server written by others (npm @node-oauth/oauth2-server on Express), with a protected resource behind its
// own authenticate(), for grantlint to be run against. What is configured here is what every deployment must choose; nothing
// is bent.
//
//   node server.mjs [PORT]     PORT or $PORT; 0 (default) takes a free port
//
// Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.
//
// Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET (required).
//
// The library leaves clients, tokens and scopes to a model of the integrator; it has no introspection, revocation or metadata.

import { timingSafeEqual } from 'node:crypto';

import OAuthServer from '@node-oauth/express-oauth-server';
import express from 'express';

const CLIENT_SCOPES = ['invoices.read', 'invoices.write'];
const DEFAULT_SCOPES = ['invoices.read'];
const TOKEN_SECONDS = 3600;

const port = Number(process.argv[2] ?? process.env.PORT ?? 0);
if (!Number.isInteger(port) || port < 0 || port > 65535) fail('the port must be a number from 0 to 65535');

const secrets = new Map([
  ['grantlint', environment('GRANTLINT_CLIENT_SECRET')],
  ['grantlint-second', environment('GRANTLINT_SECOND_SECRET')],
  ['special', environment('GRANTLINT_SPECIAL_SECRET')],
]);
const tokens = new Map();

const model = {
  getClient(clientId, clientSecret) {
    const secret = secrets.get(clientId);
    if (secret === undefined || !same(secret, clientSecret ?? '')) return false;
    return { id: clientId, grants: ['client_credentials'] };
  },
  // A client acts for itself; the library wants a user to belong to each token.
  getUserFromClient: (client) => ({ id: client.id }),
  // `invoices.admin` exists, but no client may have it; like an unknown word it refuses the request.
  validateScope(_user, _client, scope) {
    if (!scope?.length) return DEFAULT_SCOPES;
    return scope.every((word) => CLIENT_SCOPES.includes(word)) && scope;
  },
  saveToken(token, client, user) {
    const saved = { ...token, client, user };
    tokens.set(token.accessToken, saved);
    return saved;
  },
  getAccessToken: (accessToken) => tokens.get(accessToken),
  verifyScope: (token, scope) => scope.every((word) => token.scope?.includes(word)),
};

const app = express();
app.disable('x-powered-by');
const oauth = new OAuthServer({ model, accessTokenLifetime: TOKEN_SECONDS });
app.post('/oauth/token', express.urlencoded({ extended: false }), oauth.token());
app.get('/invoices', oauth.authenticate({ scope: ['invoices.read'] }), (_request, response) => {
  response.json({ invoices: [] });
});
app.post('/invoices', express.json(), oauth.authenticate({ scope: ['invoices.write'] }), (_request, response) => {
  response.status(201).json({ invoices: [] });
});

const server = app.listen(port, '127.0.0.1', (error) => {
  if (error) fail(error.message);
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
process.on('SIGTERM', () => process.exit(0));

function same(one, other) {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function environment(variable) {
  return process.env[variable] || fail(`${variable} is not set`);
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
