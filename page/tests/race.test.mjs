// The race as a visitor sees it, on one page that is trained once: its result, the pad, the files, how it looks.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  assertSentence, assertTrained, barriers, browser, CONTESTANTS, download, program, projectFile, race, screenshot, stroke,
} from './harness.mjs';

const shared = browser();
let page;
let problems;

const DIGITS = { 'three.png': 3, 'five.jpg': 5, 'seven-chalk.png': 7, 'two-transparent.png': 2 };

/** Serious barriers, and what is wider than the screen, in both themes and at two widths. */
async function looks(name) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1100, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(500); // for the picture only: the layers are painted again when the worker has them
      await page.screenshot({ path: screenshot(`${name}-${colorScheme}-${width}`), fullPage: true });
      assert.deepEqual(await barriers(page), [], `${name}, ${colorScheme}, ${width}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${name}, ${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: 1100, height: 900 });
}

/** Waits until the page has read a digit off the pad, and returns it. */
async function reading(digit) {
  await page.waitForFunction((digit) => document.querySelector('#prediction').textContent === digit, digit, { timeout: 10_000 })
    .catch(() => {}); // the assertion says what is there instead
  return page.textContent('#prediction');
}

/** Draws a 1 and a 0 and asserts that they are read. */
async function assertReads() {
  await page.click('#clear');
  await stroke(page, Array.from({ length: 12 }, (_, at) => [0.5, 0.2 + 0.05 * at]));
  assert.equal(await reading('1'), '1');
  await page.click('#clear');
  const circle = Array.from({ length: 41 }, (_, at) => (at * Math.PI) / 20);
  await stroke(page, circle.map((angle) => [0.5 + 0.2 * Math.sin(angle), 0.5 - 0.32 * Math.cos(angle)]));
  assert.equal(await reading('0'), '0');
}

test('the page before the race has no barrier and fits', async () => {
  ({ page, problems } = await shared.open({ acceptDownloads: true }));
  await looks('idle');
});

test('three contestants train', async () => {
  await race(page);
  for (const contestant of CONTESTANTS) {
    await assertTrained(page, contestant);
    assert.equal(await page.isVisible(`#error-${contestant}`), false);
    assert.match(await page.textContent(`#time-${contestant}`), /\d/);
  }
  assert.match(await page.textContent('#verdict'), /\d/);
  const misses = Number(await page.textContent('#misses-gpu'));
  assert.equal(await page.locator('#missed button:visible').count(), misses);
});

test('drawn digits are read', assertReads);

test('the program reads the weights of the page', async () => {
  const path = await download(page, '#save-weights', shared.folder);
  const pictures = Object.keys(DIGITS).map((name) => projectFile(`examples/digits/${name}`));
  const { functions, images } = JSON.parse(program('predict', '--json', '--weights', path, ...pictures));
  assert.deepEqual(functions, { activation: 'relu', loss: 'cross-entropy' });
  const found = images.map((image) => image.class);
  const right = Object.values(DIGITS).filter((digit, at) => digit === found[at]).length;
  assert.ok(right >= 3, `${found}, expected ${Object.values(DIGITS)}`);
});

test('the program reads the result of the page', async () => {
  const path = await download(page, '#save-result', shared.folder);
  const out = join(shared.folder, 'report');
  program('report', '--race', path, '--out', out);
  const report = readFileSync(join(out, 'report.html'), 'utf8');
  assert.match(report, /<svg/);
  const { contestants } = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(contestants.length, 3);
  for (const [at, contestant] of CONTESTANTS.entries()) {
    assert.equal(contestants[at].runs[0].test_misses, Number(await page.textContent(`#misses-${contestant}`)));
  }
});

test('the page reads the weights of the program', async () => {
  const path = join(shared.folder, 'native.safetensors');
  const { test: expected } = JSON.parse(program('--device', 'cpu', '--no-baseline', '--json', '--save', path));
  await page.setInputFiles('#load-weights', path);
  await page.waitForFunction((misses) => document.querySelector('#missed-title').textContent.includes(` ${misses} of `),
    expected.misses, { timeout: 10_000 });
  await assertReads();
});

test('a broken file of weights is refused with a sentence', async () => {
  const chosen = await page.textContent('#net option:checked');
  for (const [name, bytes] of [['cut.safetensors', readFileSync(join(shared.folder, 'native.safetensors')).subarray(0, 300)],
    ['empty.safetensors', ''], ['picture.png', readFileSync(projectFile('examples/digits/three.png'))]]) {
    const path = join(shared.folder, name);
    writeFileSync(path, bytes);
    await page.setInputFiles('#load-weights', path);
    await page.locator('#file-status.error', { hasText: name }).waitFor({ timeout: 10_000 });
    assertSentence(await page.textContent('#file-status'));
  }
  assert.equal(await page.textContent('#net option:checked'), chosen);
});

test('the page after the race has no barrier and fits', () => looks('done'));

test('there was no error, no violation of the policy and no request elsewhere', () => assert.deepEqual(problems, []));

test('each of these checks can fail', async () => {
  await page.evaluate(() => {
    const image = new Image(1800, 10);
    image.src = 'https://example.org/a.png';
    document.body.append(image);
    setTimeout(() => { throw new Error('planted'); });
  });
  await assert.rejects(looks('planted'), /image-alt/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) >= 1800);
  assert.match(problems.join('\n'), /error: planted/);
  assert.match(problems.join('\n'), /policy: img-src https:\/\/example.org/);
  assert.throws(() => assertSentence('RuntimeError: unreachable executed in wasm'));
});
