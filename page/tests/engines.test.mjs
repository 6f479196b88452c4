// The engines in wasm and on WebGPU, compared with the same engines on this machine and with the reference.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, nativeLosses } from './harness.mjs';

const shared = browser();
let opened;

/** Result of one of the page's tools. */
async function tool(name, ...args) {
  opened ??= shared.open();
  const { page } = await opened;
  return page.evaluate(async ([name, args]) => {
    const { tools } = await import('/backend.js');
    const result = await tools[name](...args);
    return ArrayBuffer.isView(result) ? [...result] : result;
  }, [name, args]);
}

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
  const { loss, expected, tensors } = await tool('check');
  // JSON has null for NaN, which compares as 0.
  const isClose = (value, limit) => typeof value === 'number' && Math.abs(value) <= limit;
  assert.equal(loss.length, 2); // with the gradient, and of the first step
  for (const found of loss) assert.ok(isClose(found / expected - 1, 1e-5), `${found}, expected ${expected}`);
  assert.equal(tensors.length, 8);
  for (const { name, difference } of tensors) assert.ok(isClose(difference, 1e-3), `${name}: ${difference}`);
});
