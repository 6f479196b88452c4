// The chart: test misses over training seconds, both on logarithmic axes.

import { CONTESTANTS } from './contestants.js';
import { svg } from './dom.js';
import { count, duration } from './format.js';
import { marker } from './marker.js';

const ESSAY_SECONDS = 90;
const CLAIM_SECONDS = 0.9;
/** Width below which labels are short and the chart is tall. */
const NARROW = 480;
const FRAME = { left: 44, right: 14, top: 22, bottom: 38 };
const LABEL_HEIGHT = 16;

/** Chart that draws itself anew at each point and at each width. */
export class Chart {
  #series = new Map();
  #drawn = false;

  /** Chart inside `container`; `target` is the essay's number of misses. */
  constructor(container, target) {
    this.container = container;
    this.target = target;
    new ResizeObserver(() => this.#draw()).observe(container);
  }

  /** Removes every point. */
  clear() {
    this.#series.clear();
    this.#later();
  }

  /** Adds an evaluation to a contestant's curve. A point at no seconds has no place on a logarithmic axis. */
  add(id, seconds, misses) {
    if (seconds > 0) this.#of(id).points.push({ seconds, misses });
    this.#later();
  }

  /** Marks the run against the clock. */
  clock(id, seconds, misses) {
    this.#of(id).clock = { seconds, misses };
    this.#later();
  }

  #of(id) {
    if (!this.#series.has(id)) this.#series.set(id, { points: [], clock: null });
    return this.#series.get(id);
  }

  /** Draws in the next frame, once for all that comes before it. */
  #later() {
    if (!this.#drawn) return;
    this.#drawn = false;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawn = true;
    const width = this.container.clientWidth;
    if (width === 0) return;
    const height = width < NARROW ? 280 : 232;
    const scales = makeScales(this.#all(), { width, height }, this.target);
    const picture = svg('svg', {
      class: 'chart', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
      'aria-labelledby': 'chart-name chart-description',
    });
    picture.append(
      svg('title', { id: 'chart-name' }, 'Test misses over training time'),
      svg('desc', { id: 'chart-description' }, this.#description()),
      ...axes(scales), ...essay(scales, this.target),
    );
    const labels = [];
    for (const { id, marker: shape } of CONTESTANTS) {
      const series = this.#series.get(id);
      if (!series) continue;
      picture.append(curve(id, shape, series, scales));
      const end = series.clock ?? series.points.at(-1);
      if (end) labels.push(endLabel(id, end, scales));
    }
    picture.append(...spread(labels).map(drawLabel));
    this.container.replaceChildren(picture);
  }

  /** Every point, the runs against the clock among them. */
  #all() {
    return [...this.#series.values()].flatMap(({ points, clock }) => (clock ? [...points, clock] : points));
  }

  #description() {
    const parts = [...this.#series].map(([id, { points, clock }]) => {
      const { label, way } = CONTESTANTS.find((one) => one.id === id);
      const end = clock ?? points.at(-1);
      return end && `${label} (${way}): ${end.misses} misses after ${duration(end.seconds)}.`;
    });
    const measured = parts.filter(Boolean).join(' ') || 'Nothing measured yet.';
    return `${measured} The essay: ${this.target} misses after ${ESSAY_SECONDS} s. The table below has the same figures.`;
  }
}

/** Scales from seconds and misses to pixels, with their ticks. */
function makeScales(points, { width, height }, target) {
  const seconds = points.map((point) => point.seconds);
  const misses = points.map((point) => point.misses);
  const first = Math.floor(Math.log10(Math.min(0.01, ...seconds)) + 1e-9);
  const last = Math.max(2.18, Math.log10(Math.max(1, ...seconds)) + 0.2);
  const low = Math.log10(Math.min(40, 0.9 * Math.min(target, ...misses)));
  const high = Math.log10(Math.max(240, 1.2 * Math.max(0, ...misses)));
  const x0 = FRAME.left;
  const x1 = width - FRAME.right;
  const y0 = height - FRAME.bottom;
  const y1 = FRAME.top;
  const decades = Array.from({ length: Math.floor(last) - first + 1 }, (_, at) => 10 ** (first + at));
  const rows = [10, 20, 50, 100, 200, 500, 1000, 2000].filter((value) => Math.log10(value) > low && Math.log10(value) < high);
  return {
    x0, x1, y0, y1, decades, rows, target, narrow: width < NARROW,
    x: (value) => x0 + ((Math.log10(value) - first) / (last - first)) * (x1 - x0),
    y: (value) => y0 - ((Math.log10(Math.max(value, 1)) - low) / (high - low)) * (y0 - y1),
  };
}

/** Grid, tick labels and axis titles. */
function axes({ x, y, x0, x1, y0, y1, decades, rows, narrow }) {
  const parts = [];
  for (const value of decades) {
    parts.push(svg('path', { class: 'grid', d: `M${x(value)} ${y1}V${y0}` }));
    parts.push(svg('text', { x: x(value), y: y0 + 16, 'text-anchor': 'middle', class: 'muted' }, duration(value)));
  }
  for (const value of rows) {
    parts.push(svg('path', { class: 'grid', d: `M${x0} ${y(value)}H${x1}` }));
    parts.push(svg('text', { x: x0 - 8, y: y(value) + 4, 'text-anchor': 'end', class: 'muted' }, count(value)));
  }
  parts.push(svg('text', { x: (x0 + x1) / 2, y: y0 + 33, 'text-anchor': 'middle', class: 'muted' }, 'training time (log)'));
  parts.push(svg('text', { x: 0, y: 11, class: 'muted' }, narrow ? 'misses' : 'misses of 2,007'));
  return parts;
}

/** The essay's result, and the area in which its guess of another ~100X holds. */
function essay({ x, y, x0, x1, y0, y1, narrow }, target) {
  const [line, claim, own] = [y(target), x(CLAIM_SECONDS), x(ESSAY_SECONDS)];
  return [
    svg('rect', { class: 'claim', x: x0, y: line, width: claim - x0, height: y0 - line }),
    svg('path', { class: 'target', d: `M${x0} ${line}H${x1}` }),
    svg('path', { class: 'target', d: `M${claim} ${y1}V${y0}` }),
    svg('path', { class: 'essay', d: `M${own} ${line - 7}L${own + 7} ${line}L${own} ${line + 7}L${own - 7} ${line}Z` }),
    svg('text', { x: x1, y: line - 28, 'text-anchor': 'end', class: 'ink strong' }, 'the essay: 90 s'),
    svg('text', { x: x1, y: line - 13, 'text-anchor': 'end', class: 'ink' }, `the essay’s ${target}`),
    svg('text', { x: claim, y: y1 - 8, 'text-anchor': 'middle', class: 'ink' }, '“another ~100X”: 0.9 s'),
    svg('text', { x: x0 + 6, y: y0 - 7, class: 'muted' }, narrow ? '~100X holds' : 'here the guess holds'),
  ];
}

/** Line through a contestant's evaluations, its markers, and a ring around the run against the clock. */
function curve(id, shape, { points, clock }, { x, y }) {
  const group = svg('g', { class: `series ${id}` });
  const places = points.map((point) => [x(point.seconds), y(point.misses)]);
  if (places.length > 1) group.append(svg('path', { class: 'line', d: `M${places.map((place) => place.join(' ')).join('L')}` }));
  const every = Math.ceil(places.length / 12);
  places.forEach(([px, py], at) => {
    if ((places.length - 1 - at) % every === 0) group.append(marker(shape, px, py, 8, { class: 'fill' }));
  });
  if (clock) group.append(marker(shape, x(clock.seconds), y(clock.misses), 14, { class: 'ring' }));
  return group;
}

/** Label at the end of a curve: to its right, or to its left where that would leave the chart; below the target's line, not on it. */
function endLabel(id, { seconds, misses }, { x, y, x1, y0, y1, target, narrow }) {
  const { label } = CONTESTANTS.find((one) => one.id === id);
  const text = narrow ? label : `${label} ${duration(seconds)}`;
  const isOnLine = Math.abs(y(misses) - y(target)) < LABEL_HEIGHT;
  const left = x(seconds) + 14 + 6.6 * text.length > x1;
  return { id, text, x: x(seconds) + (left ? -13 : 13), y: (isOnLine ? y(target) + LABEL_HEIGHT : y(misses)) + 4, anchor: left ? 'end' : 'start', top: y1 + 4, bottom: y0 - 22 };
}

/** Labels moved apart vertically, where they would overlap. */
function spread(labels) {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  const width = (label) => 6.6 * label.text.length;
  const from = (label) => (label.anchor === 'start' ? label.x : label.x - width(label));
  const meets = (a, b) => from(a) < from(b) + width(b) && from(b) < from(a) + width(a);
  sorted.forEach((label, at) => {
    for (const above of sorted.slice(0, at)) {
      if (meets(label, above)) label.y = Math.max(label.y, above.y + LABEL_HEIGHT);
    }
  });
  return sorted;
}

/** Text of a label. */
function drawLabel({ id, text, x, y, anchor }) {
  return svg('text', { x, y, 'text-anchor': anchor, class: `label ${id}` }, text);
}
