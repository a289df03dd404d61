// A token endpoint that attacks whoever looks at its answers: markup, scripts, addresses and styles wherever text is shown.
import { createServer } from 'node:http';

const ATTACKS = [
  '<script>document.title = "taken"</script>',
  '"><img src="https://evil.example/x.png" onerror="document.title = \'taken\'">',
  '</pre></code></style></title><svg onload="document.title = \'taken\'">',
  '<link rel="stylesheet" href="https://evil.example/x.css"><style>main { display: none }</style>',
  '<a href="javascript:document.title=1">a</a><base href="https://evil.example/"><meta http-equiv="refresh" content="0; https://evil.example/">',
  '<iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input autofocus onfocus="document.title = 1">',
  '{{ 7 * 7 }} {% raw %} ${7 * 7} &lt;script&gt; &#60;b&#62; <!-- --> ]]> <![CDATA[x]]>',
  '\u202egnp.exe \u200b\u0000\u001b[31m red',
];
const all = ATTACKS.join(' ');
// What a header field may hold.
const field = ATTACKS.slice(0, 4).join(' ');

/** Starts it; `mode` is `speaks` (grants tokens, in hostile words) or `refuses` (answers everything with a hostile page). */
export async function hostile(mode) {
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => answer(request, Buffer.concat(parts).toString(), response));
  });
  const answer = (request, body, response) => {
    const json = (status, value) => {
      response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': field, 'X-Attack': field, 'WWW-Authenticate': `Basic realm="x", ${field}` });
      response.end(JSON.stringify(value));
    };
    if (mode === 'refuses' || !request.url.startsWith('/token')) {
      response.writeHead(404, { 'Content-Type': 'text/html', 'X-Attack': field });
      response.end(`<!doctype html><title>${all}</title>${all}`);
    } else if (request.method === 'POST' && body.includes('grant_type=client_credentials') && request.headers.authorization?.startsWith('Basic Z2w6')) {
      json(200, { access_token: 'hostile-token-0123456789abcdef', token_type: 'Bearer', expires_in: all, scope: all, [all]: all });
    } else {
      json(400, { error: all, error_description: all, error_uri: 'javascript:alert(1)' });
    }
  };
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}
