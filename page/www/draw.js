// The panel to draw in: the pad, the digit that the net sees, and ten probabilities.

import { byId, element, say } from './dom.js';
import { sentence } from './format.js';
import { Latest } from './latest.js';
import { Pad } from './pad.js';
import { paintInk } from './paint.js';

const NO_NET = 'There is no net yet: train one or load weights.';
const READY = 'Draw with mouse, pen or finger, or take a test digit.';

/** Panel that has the chosen net read the pad. */
export class DrawPanel {
  #tasks = new Latest();
  #seen = null;

  /** Panel; `recognise` is the backend's, `drawn(codes, ink)` is called with each digit that was read. */
  constructor({ recognise, chosenNet, drawn }) {
    Object.assign(this, { recognise, chosenNet, drawn });
    this.pad = new Pad(byId('pad'), () => this.read());
    this.bars = Array.from({ length: 10 }, (_, digit) => bar(digit));
    byId('bars').append(...this.bars.map(({ node }) => node));
    byId('clear').addEventListener('click', () => this.#clear());
    this.#forget();
  }

  /** Lets nothing be read until `release`, while a run is against the clock. */
  hold() {
    this.#tasks.hold();
  }

  /** Lets the pad be read again. */
  release() {
    this.#tasks.release();
  }

  /** Reads the pad with the chosen net; `quiet` if nobody drew and only the net is another. */
  read(quiet = false) {
    this.#tasks.run(() => this.#read(quiet));
  }

  /** Paints the digit that the net sees again, in the present colours. */
  repaint() {
    paintInk(byId('seen'), this.#seen ?? new Float32Array(256));
  }

  async #read(quiet) {
    const net = this.chosenNet();
    if (!net || this.pad.empty) {
      this.#forget();
      return;
    }
    const { width, height, grey } = this.pad.grey();
    try {
      const result = await this.recognise(width, height, grey, net.weights, net.functions);
      this.#show(result);
      if (!quiet) this.drawn(result.codes, result.input);
    } catch (error) {
      this.#forget();
      say(byId('draw-status'), sentence(error));
    }
  }

  #show({ class: digit, probabilities, input }) {
    setPrediction(String(digit));
    this.#seen = input;
    this.repaint();
    this.bars.forEach((one, at) => one.set(probabilities[at], at === digit));
    say(byId('draw-status'), READY);
  }

  #clear() {
    this.pad.clear();
    this.#forget();
  }

  #forget() {
    setPrediction('–');
    this.#seen = null;
    this.repaint();
    for (const one of this.bars) one.set(0, false);
    say(byId('draw-status'), this.chosenNet() ? READY : NO_NET);
  }
}

/** Shows the net's reading, or a dash for none. */
function setPrediction(text) {
  byId('prediction').textContent = text;
  byId('prediction').classList.toggle('none', text === '–');
}

/** Bar of a digit's probability. */
function bar(digit) {
  const fill = element('span', { class: 'fill' });
  const text = element('span', { class: 'share' }, '–');
  const node = element('li', {}, element('span', { class: 'digit' }, String(digit)),
    element('span', { class: 'track', 'aria-hidden': 'true' }, fill), text);
  const set = (probability, best) => {
    fill.style.width = `${100 * probability}%`;
    text.textContent = probability > 0 ? `${(100 * probability).toFixed(1)}%` : '–';
    node.classList.toggle('best', best);
  };
  return { node, set };
}
