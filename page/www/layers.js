// A digit through the layers: H1's kernels above its maps, H2's maps, H3, the outputs.

import { byId, element } from './dom.js';
import { largest, paintInk, paintSigned } from './paint.js';

const MAPS = 12;
const KERNEL = 5;
const H1_SIDE = 8;
const H2_SIDE = 4;
const H3_UNITS = 30;
const CLASSES = 10;

/** Rows of small canvases, one row a layer. */
export class Layers {
  /** Rows inside `#layers`; `layout` says where H1's kernels are among the weights. */
  constructor(layout) {
    this.kernels = layout.find(({ shape }) => String(shape) === `${MAPS},1,${KERNEL},${KERNEL}`)
      ?? layout.find(({ length }) => length === MAPS * KERNEL * KERNEL);
    this.rows = {
      kernels: row('kernels', 'H1’s twelve kernels, 5 by 5 weights each', MAPS, KERNEL, KERNEL),
      h1: row('H1', 'Activations of H1’s twelve maps, 8 by 8 each', MAPS, H1_SIDE, H1_SIDE),
      h2: row('H2', 'Activations of H2’s twelve maps, 4 by 4 each', MAPS, H2_SIDE, H2_SIDE),
      h3: row('H3', 'Activations of H3’s thirty units', 1, H3_UNITS, 1),
      out: row('output', 'The ten outputs, of 0 to 9', 1, CLASSES, 1),
    };
    byId('layers').append(...Object.values(this.rows).map(({ node }) => node), classes());
  }

  /** Paints H1's kernels. */
  showKernels(weights) {
    if (!this.kernels) return;
    const { offset, length } = this.kernels;
    paintRow(this.rows.kernels, weights.subarray(offset, offset + length));
  }

  /** Paints the input alone: 0 is paper, 1 ink. */
  showInput(ink) {
    paintInk(byId('input'), ink);
  }

  /** Paints the activations that a digit causes. */
  showActivations({ h1, h2, h3, out }) {
    paintRow(this.rows.h1, h1);
    paintRow(this.rows.h2, h2);
    paintRow(this.rows.h3, h3);
    paintRow(this.rows.out, out);
    const best = out.indexOf(Math.max(...out));
    document.querySelectorAll('#layers .classes .cells span').forEach((digit, at) => digit.classList.toggle('best', at === best));
  }

  /** Paints every row again, in the present colours. */
  repaint() {
    for (const one of Object.values(this.rows)) paintRow(one, one.values);
  }

  /** Paints nothing but paper, where there is no net. */
  clear() {
    for (const one of Object.values(this.rows)) paintRow(one, blank(one));
    document.querySelector('#layers .best')?.classList.remove('best');
  }
}

/** Row of canvases with its name. */
function row(name, description, number, width, height) {
  const canvases = Array.from({ length: number }, () => element('canvas', { width, height, 'aria-hidden': 'true' }));
  const node = element('div', { class: `layer ${number > 1 ? 'maps' : 'units'}`, role: 'img', 'aria-label': description },
    element('span', { class: 'name' }, name), element('div', { class: 'cells' }, ...canvases));
  return { node, canvases, size: width * height, values: null };
}

/** Values of a row without a net. */
function blank({ canvases, size }) {
  return new Float32Array(size * canvases.length);
}

/** Classes below the outputs. */
function classes() {
  const digits = Array.from({ length: CLASSES }, (_, digit) => element('span', {}, String(digit)));
  return element('div', { class: 'layer classes', 'aria-hidden': 'true' },
    element('span', { class: 'name' }), element('div', { class: 'cells' }, ...digits));
}

/** Paints a layer's values on one scale, its largest absolute value, and keeps them. */
function paintRow(row, values) {
  row.values = values;
  const scale = largest(values);
  row.canvases.forEach((canvas, at) => paintSigned(canvas, values.subarray(row.size * at, row.size * (at + 1)), scale));
}
