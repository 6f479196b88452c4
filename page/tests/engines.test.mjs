// The engines in wasm and on WebGPU, compared with the same engines on this machine and with the reference.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { browser, nativeLosses } from './harness.mjs';

const shared = browser();
let page;
before(async () => ({ page } = await shared.open()));

/** Result of one of the page's tools. */
const tool = (name, ...args) => page.evaluate(async ([name, args]) => {
  const { tools } = await import('/backend.js');
  const result = await tools[name](...args);
  return ArrayBuffer.isView(result) ? [...result] : result;
}, [name, args]);

test('the engines in wasm have the losses of the portable engines to the last bit', async () => {
  for (const [contestant, steps] of [['cpu', 4], ['per-example', 500]]) {
    for (const seed of [1337, 2]) {
      const expected = nativeLosses(contestant, seed, steps);
      assert.equal(expected.length, steps);
      assert.deepEqual(await tool('losses', contestant, seed, steps), expected.map(Math.fround), `${contestant}, seed ${seed}`);
    }
  }
});

test('the first loss and the gradient on WebGPU are those of the reference', async () => {
  const { loss, worst, tensors } = await tool('check');
  assert.ok(Math.abs(loss.found - loss.expected) <= 1e-5 * Math.abs(loss.expected), JSON.stringify(loss));
  assert.ok(tensors.length >= 8, JSON.stringify(tensors));
  assert.ok(worst <= 1e-3, JSON.stringify(tensors));
});
