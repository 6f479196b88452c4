// The look inside the chosen net: the digits it misses, its kernels, and one digit through its layers.

import { byId, say } from './dom.js';
import { sentence } from './format.js';
import { Latest } from './latest.js';
import { Layers } from './layers.js';
import { MissedGrid } from './missed.js';

/** Panels about the chosen net. */
export class Look {
  #missedTasks = new Latest();
  #digitTasks = new Latest();
  #digit = { test: 0 };

  /** Panels over the backend's tools and digits; `chosenNet` returns the net or null. */
  constructor({ tools, digits, chosenNet }) {
    Object.assign(this, { tools, digits, chosenNet });
    this.grid = new MissedGrid(digits, (index) => this.chooseTest(index));
    this.layers = new Layers(digits.layout);
    this.#wire();
    this.update();
    this.chooseTest(0);
  }

  /** Lets nothing be computed until `release`, while a run is against the clock. */
  hold() {
    this.#missedTasks.hold();
    this.#digitTasks.hold();
  }

  /** Lets the panels be computed again. */
  release() {
    this.#missedTasks.release();
    this.#digitTasks.release();
  }

  /** Shows the chosen net, which is another now. */
  update() {
    const net = this.chosenNet();
    if (!net) {
      this.layers.clear();
      this.grid.showFirst();
      return;
    }
    this.layers.showKernels(net.weights);
    this.#missedTasks.run(async () => {
      this.grid.showMissed(await this.tools.missed(net.weights, net.functions));
      this.grid.mark(this.#digit.test);
    });
    this.#showDigit();
  }

  /** Paints everything again, in the present colours. */
  repaint() {
    this.grid.repaint();
    this.layers.repaint();
    this.layers.showInput(this.#ink());
  }

  /** Chooses a test digit. */
  chooseTest(index) {
    this.#digit = { test: index };
    byId('index').value = String(index);
    this.#showDigit();
  }

  /** Chooses a drawn digit: its codes, and its ink to show. */
  chooseDrawn(codes, ink) {
    this.#digit = { codes, ink };
    this.#showDigit();
  }

  /** Test digit that is chosen, or was last. */
  get testIndex() {
    return Number(byId('index').value);
  }

  /** Ink of a test digit. */
  ink(index) {
    return this.digits.images.subarray(256 * index, 256 * (index + 1));
  }

  #showDigit() {
    const { test, codes } = this.#digit;
    this.grid.mark(test);
    this.layers.showInput(this.#ink());
    const net = this.chosenNet();
    if (!net) {
      say(byId('chosen-text'), this.#describe(null));
      return;
    }
    this.#digitTasks.run(async () => {
      try {
        const found = await this.tools.activations(net.weights, net.functions, codes ? { codes } : { test });
        this.layers.showActivations(found);
        say(byId('chosen-text'), this.#describe(found.out.indexOf(Math.max(...found.out))));
      } catch (error) {
        say(byId('chosen-text'), sentence(error));
      }
    });
  }

  /** Ink of the chosen digit. */
  #ink() {
    return this.#digit.ink ?? this.ink(this.#digit.test);
  }

  /** Sentence about the chosen digit and the net's reading. */
  #describe(reading) {
    const { test } = this.#digit;
    if (test === undefined) return reading === null ? 'Your drawing.' : `Your drawing, read as ${reading}.`;
    const label = this.digits.labels[test];
    if (reading === null) return `Test digit ${test}, a ${label}.`;
    return `Test digit ${test}, a ${label}, read as ${reading}${reading === label ? '.' : ': missed.'}`;
  }

  #wire() {
    const last = this.digits.test - 1;
    const field = byId('index');
    field.max = String(last);
    const go = (index) => this.chooseTest((index + this.digits.test) % this.digits.test);
    byId('previous').addEventListener('click', () => go(this.testIndex - 1));
    byId('next').addEventListener('click', () => go(this.testIndex + 1));
    byId('random').addEventListener('click', () => go(Math.floor(Math.random() * this.digits.test)));
    field.addEventListener('change', () => {
      const asked = Math.round(Number(field.value));
      go(Number.isFinite(asked) ? Math.min(last, Math.max(0, asked)) : 0);
    });
    for (const id of ['previous', 'next', 'random', 'index']) byId(id).disabled = false;
  }
}
