// Opens a HAR of grantlint with Playwright's reader of HARs: Chromium asks for what was recorded, while nobody listens any more, and
// has to get the recorded status and body.
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { withReference } from './reference.mjs';

const work = join(process.argv[2], 'har');
await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const wrong = [];

await withReference(work, join(work, 'grantlint.yaml'), () => {
  const args = ['check', '-q', '--allow-literal-secrets', '--suite', 'oauth2', '--suite', 'metadata', '--suite', 'authorization-code', '-o', 'har=run.har'];
  return new Promise((done, refuse) => execFile(process.env.GRANTLINT, args, { cwd: work }, (error, _, stderr) => {
    if (error) refuse(new Error(`grantlint check: ${error.code}\n${stderr}`));
    else done();
  }));
});

const file = join(work, 'run.har');
const { entries } = JSON.parse(await readFile(file, 'utf8')).log;
// What a page can ask for by itself; of several entries that look alike to the reader it is free to take any.
const asked = ({ request }) => JSON.stringify([request.method, request.url, request.postData?.text]);
const count = new Map();
for (const entry of entries) count.set(asked(entry), (count.get(asked(entry)) ?? 0) + 1);
const alone = entries.filter((entry) => count.get(asked(entry)) === 1 && entry.response.status > 0
  && !(entry.response.status >= 300 && entry.response.status < 400));
const origin = new URL(entries[0].request.url).origin;
const gets = alone.filter(({ request }) => request.method === 'GET' && request.url.startsWith(origin));
const posts = alone.filter(({ request }) => request.method === 'POST' && request.url.startsWith(origin)
  && request.postData?.mimeType.startsWith('application/x-www-form-urlencoded'));
if (gets.length < 5 || posts.length < 20) wrong.push(`the HAR has ${gets.length} GETs and ${posts.length} POSTs to ask for again`);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // The sandbox needs another user than root.
  chromiumSandbox: process.getuid() !== 0,
});
const context = await browser.newContext();
await context.routeFromHAR(file, { notFound: 'abort' });
const page = await context.newPage();
const same = (what, entry, status, body) => {
  if (status !== entry.response.status) wrong.push(`${what}: status ${status}, recorded ${entry.response.status}`);
  if (body !== (entry.response.content.text ?? '')) wrong.push(`${what}: another body than the recorded one`);
};
// One as a page, since that is what a browser opens; the others from it, as forms on them would send themselves.
const first = gets.find((entry) => entry.request.url.includes('/.well-known/')) ?? gets[0];
const answer = await page.goto(first.request.url);
same(`the page ${first.request.url}`, first, answer.status(), await answer.text());
for (const entry of [...gets, ...posts]) {
  const { method, url, postData } = entry.request;
  const answer = await page.evaluate(async ({ method, url, body, type }) => {
    const answer = await fetch(url, body === undefined ? { method } : { method, body, headers: { 'content-type': type } });
    return { status: answer.status, text: await answer.text() };
  }, { method, url, body: postData?.text, type: postData?.mimeType });
  same(`${method} ${url} (${entry._grantlint.exchange})`, entry, answer.status, answer.text);
}
await browser.close();

for (const sentence of wrong) console.log(`WRONG run.har: ${sentence}`);
console.log(`${entries.length} entries; ${gets.length} GETs and ${posts.length} POSTs were answered from the HAR`);
process.exit(wrong.length > 0 ? 1 : 0);
