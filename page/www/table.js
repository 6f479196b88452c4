// The table: a row for each contestant, and one for its error. Roles are named because the style sheet lays rows out anew on
// narrow screens, which some browsers take for the end of a table.

import { CONTESTANTS, contestant, idOfKind } from './contestants.js';
import { byId, element, svg } from './dom.js';
import { duration, factor } from './format.js';
import { marker } from './marker.js';

const FIGURES = ['misses', 'time', 'start', 'step', 'over', 'setup'];

/** Adds a body for each contestant to the page's table. */
export function buildTable(table) {
  for (const { id, label, way, marker: shape } of CONTESTANTS) {
    const key = svg('svg', { class: `series ${id} key`, viewBox: '0 0 22 12', width: 22, height: 12, 'aria-hidden': 'true' },
      svg('path', { class: 'line', d: 'M0 6H22' }), marker(shape, 11, 6, 8, { class: 'fill' }));
    const name = element('th', { scope: 'row', role: 'rowheader' }, key, element('strong', {}, label), `, ${way}`,
      element('span', { class: 'doing', id: `doing-${id}` }), element('span', { class: 'device', id: `device-${id}` }));
    const figures = FIGURES.map((figure) => element('td', { role: 'cell', id: `${figure}-${id}` }, '–'));
    const error = element('td', { role: 'cell', colspan: FIGURES.length + 1, id: `error-${id}`, class: 'error' });
    table.append(element('tbody', { role: 'rowgroup', id: `row-${id}` },
      element('tr', { role: 'row' }, name, ...figures), element('tr', { role: 'row', hidden: '' }, error)));
  }
}

/** Empties a contestant's figures, as those of a run that did not end. */
export function clearFigures(id) {
  for (const figure of FIGURES) byId(`${figure}-${id}`).textContent = '–';
}

/** Empties a contestant's row. */
export function resetRow(id) {
  clearFigures(id);
  setDevice(id, '', null);
  setError(id, '');
  setDoing(id, '');
}

/** Says what the contestant is doing. */
export function setDoing(id, text) {
  byId(`doing-${id}`).textContent = text;
}

/** Names the device, and in a tooltip its kernels. */
export function setDevice(id, device, kernels) {
  byId(`device-${id}`).textContent = device;
  byId(`device-${id}`).title = kernels ? `kernels ${kernels}` : '';
}

/** Shows the misses of the last evaluation. */
export function setMisses(id, misses) {
  byId(`misses-${id}`).textContent = String(misses);
}

/** Shows what a run came to. */
export function setOutcome(id, outcome) {
  setMisses(id, outcome.testMisses);
  byId(`time-${id}`).textContent = duration(outcome.train);
  byId(`start-${id}`).textContent = outcome.start > 0 ? duration(outcome.start) : 'drawn';
  byId(`step-${id}`).textContent = duration(outcome.perStep);
  byId(`setup-${id}`).textContent = duration(outcome.setup);
  setDoing(id, '');
}

/** Shows an error below the contestant's figures, or none. */
export function setError(id, text) {
  byId(`error-${id}`).textContent = text;
  byId(`error-${id}`).parentElement.hidden = text === '';
}

/** Shows each contestant's speed over the essay, where the record has one. */
export function setStandings(record) {
  for (const { kind, standing } of record.contestants ?? []) {
    const id = idOfKind(kind);
    if (contestant(id) && standing?.over_essay) byId(`over-${id}`).textContent = factor(standing.over_essay);
  }
}
