// The trainer: wasm, compiled once, in workers.

const WASM = 'gpu_train_page_bg.wasm';

let module;
let helper;
let found;
let reading = 0;

/** Worker with the program; its calls are answered in their order. */
class Program {
  #worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  #calls = new Map();
  #next = 0;

  /** Starts it; without a module it can only be asked for the GPU. */
  constructor(module) {
    if (module) this.#worker.postMessage({ module });
    this.#worker.onmessage = ({ data: { id, event, value, error } }) => {
      const call = this.#calls.get(id);
      if (!call) return;
      if (event) {
        call.onEvent?.(event);
        return;
      }
      this.#calls.delete(id);
      if (error === undefined) call.resolve(value);
      else call.reject(new Error(error));
    };
    // A defect: the program's state is of no use any more.
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.stop(new Error(event.message || 'The trainer did not start in a worker.'));
    };
  }

  /** Result of a call; `onEvent` takes its events. */
  call(call, args = [], onEvent) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, onEvent });
      this.#worker.postMessage({ id, call, args });
    });
  }

  /** Ends it, and its calls with this error. */
  stop(error) {
    this.#worker.terminate();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

/** Bytes of a response; `progress(bytes, total)` is called as they arrive. */
async function download(response, progress) {
  // Of a compressed response the length is that of the compressed bytes, and what arrives is not.
  const isPlain = !response.headers.get('content-encoding');
  const total = isPlain ? Number(response.headers.get('content-length')) || null : null;
  const parts = [];
  let length = 0;
  for (let reader = response.body.getReader(), part; !(part = await reader.read()).done;) {
    parts.push(part.value);
    length += part.value.length;
    progress(length, total);
  }
  return new Blob(parts).arrayBuffer();
}

/**
 * Downloads and compiles the program, and decodes the digits.
 * @param {(bytes: number, total: ?number) => void} progress
 */
export async function load(progress) {
  const started = performance.now();
  const response = await fetch(new URL(WASM, import.meta.url));
  if (!response.ok) throw new Error(`found status ${response.status} for ${WASM}, expected the program`);
  const bytes = await download(response, progress);
  const downloaded = performance.now();
  module = await WebAssembly.compile(bytes);
  const compiled = performance.now();
  reading = (compiled - started) / 1000;
  helper = new Program(module);
  const digits = await helper.call('digits');
  return { bytes: bytes.byteLength, download: (downloaded - started) / 1000, compile: (compiled - downloaded) / 1000, digits };
}

/** WebGPU's adapter as the workers see it: {available, adapter, fallback} or {available, reason}. */
export async function gpu() {
  const asked = new Program();
  try {
    found = await asked.call('gpu');
  } finally {
    asked.stop();
  }
  return found;
}

/**
 * Trains a contestant in a worker of its own.
 * @param {'gpu'|'cpu'|'per-example'} contestant
 * @param {number} seed
 * @param {(event: object) => void} onEvent
 * @param {AbortSignal} signal ends it
 */
export async function train(contestant, seed, onEvent, signal) {
  signal?.throwIfAborted();
  const program = new Program(module);
  const stop = () => program.stop(signal.reason);
  signal?.addEventListener('abort', stop);
  try {
    return await program.call('train', [contestant, seed, contestant === 'gpu' ? found.adapter : undefined], onEvent);
  } finally {
    signal?.removeEventListener('abort', stop);
    program.stop();
  }
}

/** Name of the browser and its version. */
function browser() {
  const brands = navigator.userAgentData?.brands ?? [];
  const brand = brands.find(({ brand }) => !/not.*brand|^chromium$/i.test(brand)) ?? brands.find(({ brand }) => brand === 'Chromium');
  if (brand) return `${brand.brand} ${brand.version}`;
  const [, name, version] = navigator.userAgent.match(/(Firefox|Edg|Chrome|Version)\/(\d+)/) ?? [null, 'a browser', ''];
  return `${name === 'Version' ? 'Safari' : name} ${version}`.trim();
}

/** Operating system as far as the browser tells it. */
function system() {
  const [, name] = navigator.userAgent.match(/(Android|iPhone|iPad|Windows|Mac OS X|CrOS|Linux)/) ?? [];
  return navigator.userAgentData?.platform || name || 'unknown';
}

/** Day, page and machine, for a record. */
const stamp = async () => ({
  date: new Date().toISOString().slice(0, 10),
  command: `${location.origin}${location.pathname}${location.search}`,
  processor: `${browser()} (wasm, ${await helper.call('processor')})`,
  cores: navigator.hardwareConcurrency ?? 1,
  os: system(),
});

/** The race's record, in the schema of `gpu-train race`. */
async function race(contestants, restrictions) {
  const { seed } = contestants[0].runs[0];
  return helper.call('race', [{ contestants, restrictions, seed, reading, ...(await stamp()) }]);
}

/** Times of a step of each contestant, for the console (`?bench`). */
export async function bench() {
  const contestants = ['per-example', 'cpu', ...(found?.available ? ['gpu'] : [])];
  const times = [];
  for (const contestant of contestants) times.push(await helper.call('bench', [contestant]));
  return { ...(await stamp()), adapter: found?.adapter, times };
}

/** Calls on a trained net, a race and the engines, each answered by the program. */
export const tools = {
  race,
  missed: (weights, functions) => helper.call('missed', [weights, functions]),
  activations: (weights, functions, digit) => helper.call('activations', [weights, functions, digit]),
  recognise: (width, height, grey, weights, functions) => helper.call('recognise', [width, height, grey, weights, functions]),
  saveWeights: (weights, functions) => helper.call('saveWeights', [weights, functions]),
  loadWeights: (bytes, name) => helper.call('loadWeights', [bytes, name]),
  check: (seed = 1337) => helper.call('check', [seed]),
  losses: (contestant, seed, steps) => helper.call('losses', [contestant, seed, steps]),
};
