// An authorization server written by others (npm oidc-provider), with a small protected resource beside it, for
// grantlint to be run against. What is configured here is what every deployment must choose; nothing is bent.
//
//   node server.mjs [PORT]     PORT or $PORT; 0 (default) takes a free port
//
// Prints `listening on http://127.0.0.1:PORT` when it takes requests, and nothing else on stdout.
//
// Environment: GRANTLINT_CLIENT_SECRET, GRANTLINT_SECOND_SECRET, GRANTLINT_SPECIAL_SECRET, GRANTLINT_CLIENT_JWK (required;
// the last is the public key of the client grantlint-key),
// TOKEN_FORMAT=opaque|jwt (default opaque), CODE_FLOW=1 (users log in at the provider's own development pages, which take any
// name and password; the first two clients and grantlint-public, which has no secret, may have codes and refresh tokens),
// INTEROP_LOG=1 (the provider's own events on stderr).

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { createLocalJWKSet, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';

const AUDIENCE = 'urn:invoices';
const CLIENT_SCOPES = ['invoices.read', 'invoices.write'];
// `invoices.admin` exists, but no client may have it.
const SCOPES = [...CLIENT_SCOPES, 'invoices.admin'];
const TOKEN_SECONDS = 3600;
const LARGEST_DOCUMENT = 1024 * 1024;
// Methods of the protected resource, and the scope that each of them needs.
const NEEDED_SCOPE = { GET: 'invoices.read', HEAD: 'invoices.read', POST: 'invoices.write' };

// Where the clients that may have codes want them.
const REDIRECT_URIS = {
  grantlint: 'https://client.example/cb',
  'grantlint-second': 'https://second.example/cb',
  'grantlint-public': 'https://public.example/cb',
};

const codeFlow = Boolean(process.env.CODE_FLOW);
const format = process.env.TOKEN_FORMAT ?? 'opaque';
if (!['opaque', 'jwt'].includes(format)) fail(`TOKEN_FORMAT must be opaque or jwt, not ${format}`);
const port = Number(process.argv[2] ?? process.env.PORT ?? 0);
if (!Number.isInteger(port) || port < 0 || port > 65535) fail('the port must be a number from 0 to 65535');

const signingKey = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg: 'RS256',
  kid: 'interop',
};

const server = createServer();
server.listen(port, '127.0.0.1', () => {
  // The issuer holds the port, so the provider can be made only once the port is known.
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = authorizationServer(issuer);
  const authorizationServerListener = provider.callback();
  server.on('request', (request, response) => {
    if (new URL(request.url, issuer).pathname === '/invoices') {
      protectedResource(provider, request, response).catch((error) => {
        console.error(error);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    } else {
      authorizationServerListener(request, response);
    }
  });
  console.log(`listening on ${issuer}`);
});
process.on('SIGTERM', () => process.exit(0));

/** @returns {Provider} the authorization server under test, with client credentials, introspection and revocation. */
function authorizationServer(issuer) {
  const provider = new Provider(issuer, {
    clients: [
      confidentialClient('grantlint', 'GRANTLINT_CLIENT_SECRET', 'client_secret_basic'),
      confidentialClient('grantlint-second', 'GRANTLINT_SECOND_SECRET', 'client_secret_post'),
      confidentialClient('special', 'GRANTLINT_SPECIAL_SECRET', 'client_secret_basic'),
      clientWithKey('grantlint-key', 'GRANTLINT_CLIENT_JWK'),
      ...(codeFlow ? [publicClient('grantlint-public')] : []),
    ],
    jwks: { keys: [signingKey] },
    // What is not stated here would be `openid` and `offline_access`, which only mean something where users log in.
    scopes: SCOPES,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', ...(codeFlow ? ['none'] : [])],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: codeFlow },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: () => ({
          scope: SCOPES.join(' '),
          audience: AUDIENCE,
          accessTokenFormat: format,
          accessTokenTTL: TOKEN_SECONDS,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { ClientCredentials: TOKEN_SECONDS },
    // By default only `offline_access` of OpenID brings one.
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  });
  if (process.env.INTEROP_LOG) {
    for (const event of ['authorization.error', 'grant.error', 'introspection.error', 'revocation.error', 'server_error']) {
      provider.on(event, (_context, error) => console.error(event, error));
    }
  }
  return provider;
}

function confidentialClient(client_id, secretVariable, token_endpoint_auth_method) {
  return { ...client(client_id), client_secret: environment(secretVariable), token_endpoint_auth_method };
}

function clientWithKey(client_id, keyVariable) {
  const jwks = { keys: [JSON.parse(environment(keyVariable))] };
  return { ...client(client_id), jwks, token_endpoint_auth_method: 'private_key_jwt' };
}

function publicClient(client_id) {
  return { ...client(client_id), grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };
}

function client(client_id) {
  const redirectUri = codeFlow && REDIRECT_URIS[client_id];
  return {
    client_id,
    grant_types: ['client_credentials', ...(redirectUri ? ['authorization_code', 'refresh_token'] : [])],
    redirect_uris: redirectUri ? [redirectUri] : [],
    response_types: redirectUri ? ['code'] : [],
    scope: CLIENT_SCOPES.join(' '),
  };
}

function environment(variable) {
  return process.env[variable] || fail(`${variable} is not set`);
}

/**
 * The protected resource `/invoices`. It takes a bearer token from the Authorization header only: RFC 6750 §2.2 and §2.3
 * leave the form body and the query to the resource server's choice.
 */
async function protectedResource(provider, request, response) {
  request.resume(); // the document is of no interest, but a client that still writes must not be cut off
  response.setHeader('Cache-Control', 'no-store');

  const scope = NEEDED_SCOPE[request.method];
  if (!scope) {
    response.setHeader('Allow', Object.keys(NEEDED_SCOPE).join(', '));
    return answer(response, 405, { error: 'method_not_allowed' });
  }
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_DOCUMENT) {
    response.setHeader('Connection', 'close');
    return answer(response, 413, { error: 'content_too_large' });
  }

  const [, scheme, credentials] = /^([^ ]*) *(.*)$/.exec(request.headers.authorization ?? '');
  // RFC 6750 §3.1: a request that lacks authentication information, or uses another method, learns no error code.
  if (scheme.toLowerCase() !== 'bearer') return challenge(response, 401, {});
  const inQuery = new URL(request.url, provider.issuer).searchParams.has('access_token');
  if (inQuery) {
    return challenge(response, 400, {
      error: 'invalid_request',
      error_description: 'the token is sent in more than one way',
    });
  }
  // Anything that is not one b64token (RFC 6750 §2.1) is malformed, not merely unknown.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(credentials)) {
    return challenge(response, 400, {
      error: 'invalid_request',
      error_description: 'the credentials are not one b64token',
    });
  }

  const granted = await scopesOfValidToken(provider, credentials);
  if (!granted) {
    return challenge(response, 401, {
      error: 'invalid_token',
      error_description: 'the access token is unknown, expired, revoked or for another resource',
    });
  }
  if (!granted.includes(scope)) {
    return challenge(response, 403, {
      error: 'insufficient_scope',
      error_description: 'the access token does not reach this far',
      scope,
    });
  }
  return answer(response, request.method === 'POST' ? 201 : 200, { invoices: [] });
}

/** @returns {Promise<string[] | undefined>} the scope tokens of a token that is valid here; undefined for any other. */
async function scopesOfValidToken(provider, token) {
  if (format === 'jwt') {
    const { kty, n, e, kid, alg, use } = signingKey;
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [{ kty, n, e, kid, alg, use }] }), {
        issuer: provider.issuer,
        audience: AUDIENCE,
        typ: 'at+jwt',
        algorithms: ['RS256'],
      });
      return (payload.scope ?? '').split(' ');
    } catch {
      return undefined;
    }
  }
  const found = (await provider.ClientCredentials.find(token)) ?? (await provider.AccessToken.find(token));
  if (!found?.isValid || ![found.aud].flat().includes(AUDIENCE)) return undefined;
  return (found.scope ?? '').split(' ');
}

/** A refusal with a WWW-Authenticate header (RFC 6750 §3). The values are all ours, so none needs to be escaped. */
function challenge(response, status, { error, error_description, scope }) {
  const parameters = Object.entries({ realm: 'invoices', error, error_description, scope })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${value}"`);
  response.setHeader('WWW-Authenticate', `Bearer ${parameters.join(', ')}`);
  return answer(response, status, error ? { error, error_description } : {});
}

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
