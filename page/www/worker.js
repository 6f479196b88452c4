// A worker with the program compiled to wasm: it answers one call after another, in messages {id, call, args}.

import init, * as program from './gpu_train_page.js';

let ready;
let digits;

const json = JSON.stringify;

/** Names WebGPU's adapter, or says why there is none. */
async function gpu() {
  if (!navigator.gpu) return { available: false, reason: 'This browser has no WebGPU.' };
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return { available: false, reason: 'This browser has WebGPU, but offers no adapter.' };
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, device || architecture].filter(Boolean).join(' ') || 'a GPU without a name';
  return { available: true, adapter: name, fallback: Boolean(isFallbackAdapter ?? adapter.isFallbackAdapter) };
}

/** Calls of `backend.js`; `emit` takes a call's events. */
const CALLS = {
  gpu,
  digits() {
    digits ??= new program.Digits();
    return { ...JSON.parse(digits.description()), labels: digits.labels(), images: digits.images() };
  },
  processor: () => program.processor(),
  async train(emit, contestant, seed, adapter) {
    const news = (text, weights) => emit({ ...JSON.parse(text), ...(weights && { weights }) });
    const [outcome, weights] = await program.train(contestant, seed, adapter, news);
    const { contestant: result, functions } = JSON.parse(outcome);
    const { steps, runs: [{ setup, start, train, test_misses: testMisses }] } = result;
    return { contestant: result, functions, weights, setup, start, train, testMisses, steps, perStep: (train - start) / steps };
  },
  missed: (_, weights, functions) => JSON.parse(digits.missed(weights, json(functions))),
  activations(_, weights, functions, { test, codes }) {
    const found = program.activations(weights, json(functions), codes ?? digits.codes(test));
    const [input, h1, h2, h3, out] = found;
    return { input, h1, h2, h3, out };
  },
  recognise(_, width, height, grey, weights, functions) {
    const [prediction, codes, input] = program.recognise(width, height, grey, weights, json(functions));
    return { ...JSON.parse(prediction), codes, input };
  },
  race: (_, raced) => JSON.parse(program.race(digits, json(raced))),
  saveWeights: (_, weights, functions) => program.encode(weights, json(functions)),
  loadWeights(_, bytes, name) {
    const [weights, functions] = program.decode(bytes, name);
    return { weights, functions: JSON.parse(functions) };
  },
  check: async (_, seed) => JSON.parse(await program.check(seed)),
  losses: (_, contestant, seed, steps) => program.losses(contestant, seed, steps),
  bench: async (_, contestant) => JSON.parse(await program.bench(contestant)),
};

onmessage = async ({ data: { id, module, call, args } }) => {
  if (module) {
    ready = init({ module_or_path: module });
    return;
  }
  try {
    await ready;
    const value = await CALLS[call]((event) => postMessage({ id, event }), ...args);
    postMessage({ id, value });
  } catch (error) {
    postMessage({ id, error: error?.message ?? String(error) });
  }
};
