// Browsers without WebGPU, a device that is lost, a shader that does not compile: a sentence, and the others train.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSentence, assertTrained, browser, race } from './harness.mjs';

const shared = browser();

/** Races on a page whose WebGPU is changed by a script; only the CPU's contestants may train. */
async function raceWith(prefix) {
  const { page, problems } = await shared.open({ prefix });
  await race(page);
  for (const contestant of ['cpu', 'per-example']) await assertTrained(page, contestant);
  assert.equal((await page.textContent('#misses-gpu')).trim(), '–');
  assert.match(await page.textContent('#verdict'), /\d/);
  return { page, problems };
}

test('without WebGPU the page says so, and the CPU trains', async () => {
  const { page, problems } = await raceWith("Object.defineProperty(navigator, 'gpu', { value: undefined })");
  assert.equal(await page.isVisible('#notice'), true);
  assertSentence(await page.textContent('#notice'));
  assert.deepEqual(problems, []);
});

test('a device that is lost gives a sentence, and the CPU trains', async () => {
  const { page } = await raceWith(`
    const request = globalThis.GPUAdapter?.prototype.requestDevice;
    if (request) GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await request.apply(this, args);
      const submit = device.queue.submit;
      let submitted = 0;
      device.queue.submit = function (...args) {
        submitted += 1;
        if (submitted === 2) device.destroy();
        return submit.apply(this, args);
      };
      return device;
    }`);
  assertSentence(await page.textContent('#error-gpu'));
  assert.match(await page.textContent('#error-gpu'), /lost|destroyed/i);
});

test('a shader that does not compile gives a sentence, and the CPU trains', async () => {
  const { page } = await raceWith(`
    const create = globalThis.GPUDevice?.prototype.createShaderModule;
    if (create) GPUDevice.prototype.createShaderModule = function (shader) {
      return create.call(this, { ...shader, code: shader.code + '\\nfn broken() { no_such_name(); }' });
    }`);
  assertSentence(await page.textContent('#error-gpu'));
  assert.match(await page.textContent('#error-gpu'), /no_such_name/);
});
