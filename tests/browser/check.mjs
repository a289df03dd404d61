// Makes reports with grantlint, opens each in Chromium in every way, and says what is wrong with them.
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { hostile } from './hostile.mjs';
import { look } from './look.mjs';
import { withReference } from './reference.mjs';

const work = process.argv[2];
const reports = join(work, 'reports');
const pictures = join(work, 'pictures');

/** Elements of our templates; whatever else is in a page came from a server. */
const TAGS = ('html head meta title link style body a header div img h1 h2 h3 h4 h5 p strong span nav ul ol li main section article '
  + 'table caption thead tbody tr th td br code pre mark b details summary footer').split(' ');
const HOSTS = ['www.rfc-editor.org', 'datatracker.ietf.org', 'openid.net'];

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const WAYS = [
  { name: 'light', colorScheme: 'light', viewport: DESKTOP },
  { name: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'phone', colorScheme: 'light', viewport: PHONE },
  { name: 'phone-dark', colorScheme: 'dark', viewport: PHONE },
  { name: 'no-script', colorScheme: 'light', viewport: DESKTOP, javaScriptEnabled: false },
  { name: 'no-style', colorScheme: 'light', viewport: DESKTOP },
  { name: 'print', colorScheme: 'dark', viewport: { width: 794, height: 1123 } },
];

let failed = 0;
const tell = (page, way, wrong) => {
  for (const sentence of wrong.slice(0, 12)) console.log(`WRONG ${page}, ${way}: ${sentence}`);
  if (wrong.length > 12) console.log(`WRONG ${page}, ${way}: and ${wrong.length - 12} more`);
  failed += wrong.length;
};

const grantlint = (...args) => new Promise((done, refuse) => {
  const env = { ...process.env, GRANTLINT_CLIENT_SECRET: 'plain-secret-0001' };
  execFile(process.env.GRANTLINT, args, { env, cwd: work, maxBuffer: 1 << 28 }, (error, _, stderr) => {
    // 1 and 3 are verdicts; with anything else there is no report.
    if (error && ![1, 3].includes(error.code)) refuse(new Error(`grantlint ${args.join(' ')}: ${error.code}\n${stderr}`));
    else done(error?.code ?? 0);
  });
});

/** The reports, name and address. */
async function write() {
  const html = (name) => join(reports, `${name}.html`);
  // A logo that would do what it must not, if it were more than a picture.
  const logo = join(reports, 'logo.svg');
  await writeFile(logo, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 56"><rect width="56" height="56" rx="12" fill="#2257d6"/>
    <path d="M16 29l9 9 16-20" fill="none" stroke="#fff" stroke-width="6"/><text x="70" y="38" font-size="28" font-family="sans-serif" fill="#7d8796">Example</text>
    <script>document.title = 'taken'; fetch('https://evil.example/')</script><image href="https://evil.example/x.png"/></svg>`);
  await grantlint('demo', '-q', '-o', `html=${html('two-targets')}`, '-o', `html-dir=${join(reports, 'folder')}`,
    '--title', 'OAuth <go-live> review', '--customer', 'Example & Sons "Ltd"', '--logo', logo);

  const config = join(reports, 'reference.yaml');
  await withReference(work, config, async () => {
    const code = await grantlint('check', '-q', '--config', config, '--allow-literal-secrets', '--suite', 'all', '-o', `html=${html('conforming')}`);
    if (code !== 0) tell('conforming', 'run', [`the reference server does not conform: exit code ${code}`]);
  });

  for (const mode of ['speaks', 'refuses']) {
    const attacker = await hostile(mode);
    await grantlint('check', '-q', '--suite', 'coupa-call-out', '--token-endpoint', `${attacker.origin}/token`, '--client-id', 'gl', '--scope', 'a b',
      '-o', `html=${html(`hostile-${mode}`)}`);
    attacker.stop();
  }
  const names = ['two-targets', 'conforming', 'hostile-speaks', 'hostile-refuses'];
  return [...names.map((name) => [name, html(name)]), ['folder', join(reports, 'folder', 'index.html')]];
}

async function open(browser, name, path, way) {
  const address = pathToFileURL(path).href;
  const folder = name === 'folder';
  const wrong = [];
  const { colorScheme, viewport, javaScriptEnabled } = way;
  const context = await browser.newContext({ colorScheme, viewport, javaScriptEnabled });
  const page = await context.newPage();
  page.on('console', (message) => wrong.push(`the console says: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`a script failed: ${error.message}`));
  page.on('dialog', (dialog) => { wrong.push('a dialog opened'); dialog.dismiss(); });
  page.on('popup', () => wrong.push('a window opened'));
  const beside = folder ? [new URL('style.css', address).href] : [];
  page.on('request', (request) => {
    const asked = request.url();
    if (![address, ...beside].includes(asked) && !asked.startsWith('data:')) wrong.push(`it asks for ${asked}`);
  });
  await page.goto(address, { waitUntil: 'load' });
  if (way.name === 'print') await page.emulateMedia({ media: 'print', colorScheme });

  const title = await page.title();
  if (!/^(OAuth <go-live> review – Example & Sons "Ltd"|OAuth conformance report)$/.test(title)) wrong.push(`the title is “${title}”`);
  if (way.name === 'no-script') {
    if (!(await page.locator('.headline').first().isVisible())) wrong.push('without script there is no verdict');
  } else {
    const styled = await page.evaluate(() => getComputedStyle(document.querySelector('.verdict')).display === 'flex');
    if (!styled) wrong.push('the style sheet is not in use');
    if (way.name === 'no-style') await page.evaluate(() => document.querySelector('style, link[rel=stylesheet]').remove());
    wrong.push(...await page.evaluate(look, { tags: TAGS, hosts: HOSTS, narrow: viewport.width < 500, styled: way.name !== 'no-style' }));
    const logo = await page.evaluate(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
    if (!logo) wrong.push('the logo is not shown');
  }
  const picture = (rest) => join(pictures, `${name}-${way.name}${rest}`);
  if (way.name === 'print') {
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    await writeFile(picture('.pdf'), pdf);
    if (pdf.length < 20_000) wrong.push(`the PDF has ${pdf.length} bytes only`);
  } else if (javaScriptEnabled !== false) {
    await page.screenshot({ path: picture('.png') });
  }
  await context.close();
  tell(name, way.name, wrong);
}

await rm(reports, { recursive: true, force: true });
await rm(pictures, { recursive: true, force: true });
await mkdir(reports, { recursive: true });
await mkdir(pictures, { recursive: true });

const pages = await write();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // The sandbox needs another user than root.
  chromiumSandbox: process.getuid() !== 0,
});
try {
  for (const [name, path] of pages) {
    if (name.startsWith('hostile')) {
      const text = await readFile(path, 'utf8');
      if (!text.includes('evil.example')) tell(name, 'file', ['nothing of the attack is shown, so nothing is proven']);
    }
    for (const way of WAYS) await open(browser, name, path, way);
  }
  console.log(`${pages.length} pages in ${WAYS.length} ways with Chromium ${browser.version()}: ${failed === 0 ? 'all as they must be' : `${failed} things are wrong`}`);
} finally {
  await browser.close();
}
process.exitCode = failed === 0 ? 0 : 1;
