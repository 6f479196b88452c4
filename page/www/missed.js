// The grid of test digits: those that the net still misses, or the first ones while there is no net.

import { byId, element } from './dom.js';
import { count } from './format.js';
import { paintInk } from './paint.js';

const MOST = 120;

/** Grid of digits to press. */
export class MissedGrid {
  #cells = [];
  #shown = [];

  /** Grid over the test digits; `press(index)` is called with the number of one. */
  constructor(digits, press) {
    this.digits = digits;
    this.press = press;
    byId('missed').addEventListener('keydown', (event) => this.#key(event));
    this.showFirst();
  }

  /** Shows the first test digits with their labels. */
  showFirst() {
    byId('missed-title').textContent = `The ${count(this.digits.test)} test digits`;
    byId('missed-note').textContent = 'The first ones. Press one to see it through the layers.';
    this.#show(Array.from({ length: 60 }, (_, index) => ({ index, label: this.digits.labels[index], guess: null })));
  }

  /** Shows the digits that a net misses. */
  showMissed(missed) {
    const more = missed.length - MOST;
    byId('missed-title').textContent = `Still missed: ${count(missed.length)} of ${count(this.digits.test)}`;
    byId('missed-note').textContent = `Label → the net’s reading.${more > 0 ? ` ${count(more)} more are not shown.` : ''} `
      + 'Press one to see it through the layers.';
    this.#show(missed.slice(0, MOST));
  }

  /** Paints the digits again, in the present colours. */
  repaint() {
    this.#show(this.#shown);
  }

  /** Marks the cell of the chosen digit, if it is shown. */
  mark(index) {
    this.#cells.forEach((cell, at) => {
      if (this.#shown[at]?.index === index) cell.button.setAttribute('aria-pressed', 'true');
      else cell.button.setAttribute('aria-pressed', 'false');
    });
  }

  /** Shows these digits in as many cells, which are made once and used again. */
  #show(shown) {
    this.#shown = shown;
    while (this.#cells.length < shown.length) this.#cells.push(this.#cell(this.#cells.length));
    this.#stop(Math.max(0, this.#cells.findIndex(({ button }, at) => button === document.activeElement && shown[at])));
    this.#cells.forEach((cell, at) => {
      const digit = shown[at];
      cell.button.hidden = !digit;
      if (!digit) return;
      const { index, label, guess } = digit;
      paintInk(cell.canvas, this.digits.images.subarray(256 * index, 256 * (index + 1)));
      cell.text.textContent = guess === null ? String(label) : `${label} → ${guess}`;
      const reading = guess === null ? '' : `, read as ${guess}`;
      cell.button.setAttribute('aria-label', `${cell.text.textContent} (test digit ${index}, a ${label}${reading})`);
    });
  }

  /** Moves the focus: the grid is one stop of the Tab key, arrows move within it. */
  #key(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = this.#cells.findIndex(({ button }) => button === document.activeElement);
    const next = this.#cells[at + step]?.button;
    if (!step || at < 0 || !next || next.hidden) return;
    event.preventDefault();
    this.#stop(at + step);
    next.focus();
  }

  /** Makes the cell at this place the one that the Tab key stops at. */
  #stop(at) {
    this.#cells.forEach(({ button }, place) => { button.tabIndex = place === at ? 0 : -1; });
  }

  /** Empty cell at this place. */
  #cell(at) {
    const canvas = element('canvas', { width: 16, height: 16, 'aria-hidden': 'true' });
    const text = element('span');
    const button = element('button', { type: 'button', 'aria-pressed': 'false' }, canvas, text);
    button.addEventListener('click', () => {
      this.#stop(at);
      this.press(this.#shown[at].index);
    });
    byId('missed').append(button);
    return { button, canvas, text };
  }
}
