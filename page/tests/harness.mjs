// Chromium, the web server and the program, for the page's tests (scripts/test-page).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
const require = createRequire(join(target, 'tools/page/package.json'));
const { chromium } = require('playwright-core');
const axe = require('axe-core');

/** WebGPU without a GPU, and nothing that Chromium does on its own. */
const FLAGS = [
  '--headless=new', '--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-quic',
  '--no-first-run', '--disable-sync', '--disable-background-networking', '--disable-component-update',
];
/** Milliseconds for a race on a software adapter on a loaded machine. */
const PATIENCE = 170_000;

/** Contestants of the race, as the page's ids end. */
export const CONTESTANTS = ['gpu', 'cpu', 'per-example'];

/** Program on this machine, as cargo built it. */
export function program(...args) {
  return execFileSync(join(target, 'debug/gpu-train'), args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Losses of the portable engine's first steps on this machine. */
export function nativeLosses(contestant, seed, steps) {
  const command = join(target, 'debug/examples/portable_losses');
  const printed = execFileSync(command, [contestant, String(seed), String(steps)], { cwd: root, encoding: 'utf8' });
  return printed.trim().split('\n').map(Number);
}

/** Path of one of the project's files. */
export function projectFile(path) {
  return join(root, path);
}

/** Path of a new screenshot. */
export function screenshot(name) {
  const folder = join(target, 'page-screenshots');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}

/**
 * Serves the page and starts Chromium for the tests of a file, and stops both after them. Returns what the tests use, whose
 * fields are set when the first test begins.
 */
export function browser() {
  const shared = {};
  let server;
  before(async () => {
    shared.folder = mkdtempSync(join(tmpdir(), 'gpu-train-page-'));
    const command = [join(root, 'scripts/serve-page.py'), join(target, 'page'), '0'];
    server = spawn('python3', command, { env: { ...process.env, CI: '1' }, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface(server.stdout)) {
      shared.address = line;
      break;
    }
    assert.match(shared.address, /^http:/);
    shared.chromium = await chromium.launch({ executablePath: process.env.GPU_TRAIN_CHROMIUM, args: FLAGS });
  });
  after(async () => {
    await shared.chromium?.close();
    server?.kill();
    if (shared.folder) rmSync(shared.folder, { recursive: true });
  });
  shared.open = (options) => open(shared, options);
  return shared;
}

/**
 * Opens the page. `prefix` is a script that runs first in the page and in its worker. Returns the page of Playwright and the
 * list of problems seen so far: errors, violations of the page's policy, requests to other hosts.
 */
async function open({ chromium, address }, { query = '', prefix = '', ...options } = {}) {
  const context = await chromium.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'blob:' && origin !== new URL(address).origin) problems.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => addEventListener('securitypolicyviolation',
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  let prefixed = 0;
  if (prefix) {
    await page.addInitScript(prefix);
    await context.route('**/worker.js', async (route) => {
      const response = await route.fetch();
      prefixed += 1;
      await route.fulfill({ response, body: `${prefix};\n${await response.text()}` });
    });
  }
  await page.goto(`${address}${query}`);
  await stateOf(page, ['idle', 'failed']);
  if (prefix) assert.ok(prefixed > 0, 'the worker runs without the prefix');
  assert.equal(await page.getAttribute('body', 'data-state'), 'idle', await page.textContent('#status'));
  return { page, problems };
}

/** Waits until the page is in one of these states. */
async function stateOf(page, states) {
  await page.waitForFunction((states) => states.includes(document.body.dataset.state), states, { timeout: PATIENCE });
}

/** Presses the button and waits for the end of the race. */
export async function race(page) {
  await page.click('#train');
  assert.equal(await page.getAttribute('body', 'data-state'), 'running');
  await stateOf(page, ['done', 'failed', 'idle']);
  assert.equal(await page.getAttribute('body', 'data-state'), 'done', await page.textContent('#status'));
}

/** Asserts that a contestant trained as well as everywhere else. */
export async function assertTrained(page, contestant) {
  const misses = Number(await page.textContent(`#misses-${contestant}`));
  assert.ok(misses > 0 && misses <= 102, `${contestant} misses ${misses}`);
}

/** Asserts that a text is a sentence for a reader, not a program's debris. */
export function assertSentence(text) {
  assert.match(text, /\w+ \w+ \w+/);
  assert.doesNotMatch(text, /undefined|\[object|panicked|unreachable|RuntimeError|JsValue/);
}

/** Serious findings of axe on the page as it is, each with its first place. */
export async function barriers(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => `${id}, ${nodes.length} times: ${nodes[0].html}: ${nodes[0].failureSummary}`);
}

/** Draws a line through these points of the pad (shares of its side) with the mouse. */
export async function stroke(page, points) {
  const pad = page.locator('#pad');
  await pad.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await pad.boundingBox();
  const [first, ...others] = points.map(([right, down]) => [x + right * width, y + down * height]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of others) await page.mouse.move(...point);
  await page.mouse.up();
}

/** Saves the file that a button offers, and returns its path. */
export async function download(page, button, folder) {
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  const path = join(folder, file.suggestedFilename());
  await file.saveAs(path);
  return path;
}
