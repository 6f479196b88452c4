// The page: loads the trainer, then runs the race when the button is pressed.

import { bench, gpu, load, tools } from './backend.js';
import { Chart } from './chart.js';
import { CONTESTANTS } from './contestants.js';
import { byId, say } from './dom.js';
import { DrawPanel } from './draw.js';
import { duration, sentence, size } from './format.js';
import { Look } from './look.js';
import { Nets } from './nets.js';
import { noticeOf } from './notice.js';
import { onSchemeChange } from './paint.js';
import { runRace } from './race.js';
import { seedOf } from './seed.js';
import { buildTable, resetRow, setDoing, setStandings } from './table.js';
import { wireToolbar } from './toolbar.js';
import { raceView, showProgress, showQuestion, showVerdict } from './view.js';

/** Sets the page's state, which the style sheet and the tests look at. */
function setState(state) {
  document.body.dataset.state = state;
  byId('train').textContent = state === 'running' ? 'Stop' : state === 'done' ? 'Train again' : 'Train on this machine';
}

/** Shows the download, while its size is known or not. */
function showDownload(bytes, total) {
  showProgress(total ? bytes / total : null);
  byId('status').textContent = `Downloading the trainer and the digits: ${size(bytes)}${total ? ` of ${size(total)}` : ''}`;
}

/** Shows the seed. */
function showSeed() {
  const { seed, error } = seedOf(location.search);
  byId('seed').textContent = error || `Seed ${seed}${location.search ? '' : ' (or ?seed=N)'}.`;
  byId('seed').classList.toggle('error', error !== '');
  return seed;
}

/** Finds out about WebGPU, and says so if it is missing or a software adapter. */
async function findGpu() {
  let found;
  try {
    found = await gpu();
  } catch (error) {
    found = { available: false, reason: sentence(error) };
  }
  say(byId('notice'), noticeOf(found));
  return found;
}

/** Race, its button and its state. */
class Page {
  #stop = null;

  constructor(digits, found, seed) {
    this.found = found;
    this.seed = seed;
    this.nets = new Nets();
    this.chart = new Chart(byId('chart'), digits.target);
    const chosenNet = () => this.nets.chosen;
    const look = new Look({ tools, digits, chosenNet });
    const drawn = (codes, ink) => look.chooseDrawn(codes, ink);
    const draw = new DrawPanel({ recognise: tools.recognise, chosenNet, drawn });
    this.toolbar = wireToolbar(this.nets, tools);
    this.nets.onChange(() => {
      look.update();
      draw.read(true);
    });
    byId('use-test').disabled = false;
    byId('use-test').addEventListener('click', () => draw.pad.put(look.ink(look.testIndex)));
    onSchemeChange(() => {
      look.repaint();
      draw.repaint();
    });
    this.view = raceView({ chart: this.chart, nets: this.nets, panels: [look, draw] });
    byId('train').addEventListener('click', () => (this.#stop ? this.#stop.abort() : this.#race()));
    byId('train').disabled = false;
    this.#sayWithoutGpu();
  }

  /** Contestants that can race here. */
  get #contestants() {
    return CONTESTANTS.filter(({ id }) => id !== 'gpu' || this.found.available);
  }

  /** Races, until the end or a stop. */
  async #race() {
    this.#stop = new AbortController();
    this.#reset();
    try {
      const race = await runRace({ contestants: this.#contestants, seed: this.seed, signal: this.#stop.signal, view: this.view });
      await this.#judge(race);
    } catch (error) {
      for (const { id } of this.#contestants) this.view.ended(id);
      const stopped = this.#stop.signal.aborted;
      setState(stopped ? 'idle' : 'failed');
      say(byId('status'), stopped ? 'Stopped.' : sentence(error));
    }
    this.#stop = null;
  }

  /** Empties what the last race left. */
  #reset() {
    setState('running');
    byId('remarks').replaceChildren();
    showQuestion();
    for (const { id } of CONTESTANTS) resetRow(id);
    this.#sayWithoutGpu();
    this.chart.clear();
    this.toolbar.setResult(null);
    this.nets.begin(CONTESTANTS.map(({ id }) => id));
  }

  /** Has the verdict made and shows it. */
  async #judge({ outcomes, restrictions }) {
    this.nets.settle(CONTESTANTS.map(({ id }) => id));
    if (outcomes.length === 0) {
      setState('failed');
      say(byId('status'), 'No contestant finished; each one’s row says why.');
      return;
    }
    const record = await tools.race(outcomes.map(({ contestant }) => contestant), restrictions);
    showVerdict(record.verdict);
    setStandings(record);
    this.toolbar.setResult(record);
    say(byId('status'), outcomes.length === this.#contestants.length ? 'Done.' : 'Done, but not every contestant finished.');
    setState('done');
  }

  #sayWithoutGpu() {
    if (!this.found.available) setDoing('gpu', 'no WebGPU here');
  }
}

/** Loads the trainer and opens the page. */
async function start() {
  const seed = showSeed();
  buildTable(document.querySelector('table'));
  try {
    const [{ bytes, download, compile, digits }, found] = await Promise.all([load(showDownload), findGpu()]);
    byId('cold').textContent = `Cold start: ${size(bytes)} downloaded in ${duration(download)}, compiled in ${duration(compile)}.`;
    new Page(digits, found, seed);
    say(byId('status'), `Ready: ${size(bytes)} downloaded. It takes a few seconds.`);
    setState('idle');
    if (new URLSearchParams(location.search).has('bench')) console.log(JSON.stringify(await bench(), null, 2));
  } catch (error) {
    console.error(error);
    setState('failed');
    say(byId('status'), `The trainer did not load: ${sentence(error)} Reload the page to try again.`);
  }
}

start();
