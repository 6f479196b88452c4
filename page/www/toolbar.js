// The bar with the chosen net: which one, after which step, to save and to load.

import { byId, element, say } from './dom.js';
import { read, save } from './files.js';
import { sentence } from './format.js';

/** Wires the bar to the nets; returns `setResult(record|null)`, which says what there is to save. */
export function wireToolbar(nets, tools) {
  let result = null;
  nets.onChange((net) => show(net, nets.list));
  byId('net').addEventListener('change', (event) => nets.choose(event.target.value));
  byId('step').addEventListener('input', (event) => nets.choose(nets.chosen.key, Number(event.target.value)));
  byId('save-weights').addEventListener('click', () => attempt(async () => {
    const { weights, functions } = nets.chosen;
    save('net.safetensors', await tools.saveWeights(weights, functions), 'application/octet-stream');
  }));
  byId('save-result').addEventListener('click', () => {
    save('race.json', `${JSON.stringify(result, null, 2)}\n`, 'application/json');
  });
  byId('load-weights').addEventListener('change', (event) => attempt(async () => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      const net = await tools.loadWeights(await read(file), file.name);
      nets.push('file', file.name, { ...net, step: 0, steps: 0, misses: null });
      nets.choose('file');
      say(byId('file-status'), `${file.name} is loaded.`);
    } finally {
      event.target.value = '';
    }
  }));
  return {
    setResult(record) {
      result = record;
      byId('save-result').disabled = record === null;
    },
  };
}

/** Does something with a file, and says what went wrong. */
async function attempt(task) {
  say(byId('file-status'), '');
  byId('file-status').classList.remove('error');
  try {
    await task();
  } catch (error) {
    byId('file-status').classList.add('error');
    say(byId('file-status'), sentence(error));
  }
}

/** Shows which net is chosen. */
function show(net, list) {
  byId('net').disabled = byId('save-weights').disabled = net === null;
  byId('step').disabled = net === null || net.of < 2;
  const options = net ? list : [['', 'none yet']];
  byId('net').replaceChildren(...options.map(([key, label]) => element('option', { value: key }, label)));
  if (!net) {
    byId('step-text').textContent = '–';
    return;
  }
  byId('net').value = net.key;
  byId('step').max = String(Math.max(1, net.of - 1));
  byId('step').value = String(net.of < 2 ? 1 : net.at);
  const place = net.steps > 0 ? `${net.step.toLocaleString('en-US')} of ${net.steps.toLocaleString('en-US')}` : '–';
  byId('step-text').textContent = net.misses === null ? place : `${place}, ${net.misses} missed`;
}
