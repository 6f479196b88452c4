// The page's view of a race: what each event changes.

import { contestant } from './contestants.js';
import { byId, element, say } from './dom.js';
import * as table from './table.js';

const PHASES = { opening: 'opening', start: 'computing the start', training: 'training', clock: 'against the clock' };

/** View of a race for `runRace`, over the chart, the nets and the panels (which are held while the clock runs). */
export function raceView({ chart, nets, panels }) {
  const label = (id) => contestant(id).label;
  return {
    begin(id) {
      table.resetRow(id);
      byId(`row-${id}`).classList.add('running');
      showProgress(null);
    },
    phase(id, phase, note) {
      for (const panel of panels) phase === 'clock' ? panel.hold() : panel.release();
      table.setDoing(id, PHASES[phase] ?? phase);
      say(byId('status'), `${label(id)}: ${note}`);
      showProgress(null);
    },
    device: table.setDevice,
    progress(id, { step, steps }) {
      table.setDoing(id, `step ${step.toLocaleString('en-US')} of ${steps.toLocaleString('en-US')}`);
      showProgress(step / steps);
    },
    evaluated(id, { step, steps, seconds, test, weights }, functions) {
      chart.add(id, seconds, test.misses);
      table.setMisses(id, test.misses);
      nets.push(id, name(id), { weights, functions, step, steps, misses: test.misses });
    },
    finished(id, outcome) {
      const { weights, functions, steps, testMisses } = outcome;
      this.ended(id);
      chart.clock(id, outcome.train, testMisses);
      table.setOutcome(id, outcome);
      nets.push(id, name(id), { weights, functions, step: steps, steps, misses: testMisses });
    },
    failed(id, message) {
      this.ended(id);
      table.clearFigures(id);
      table.setError(id, message);
    },
    /** Ends a contestant's run, however it went. */
    ended(id) {
      byId(`row-${id}`).classList.remove('running');
      table.setDoing(id, '');
      for (const panel of panels) panel.release();
    },
    hidden(id) {
      remark(`The tab was in the background while “${name(id)}” trained. Browsers slow such tabs down, so its time says little.`);
    },
  };
}

/** Name of a contestant among the nets. */
function name(id) {
  const { label, way } = contestant(id);
  return `${label}, ${way}`;
}

/** Shows a share of a contestant's steps, or that it is not known. */
export function showProgress(share) {
  const bar = byId('progress');
  if (share === null) bar.removeAttribute('value');
  else bar.value = share;
}

/** Adds a sentence below the verdict. */
function remark(text) {
  byId('remarks').append(element('li', {}, text));
}

/** Content of the verdict before there is one: the question. */
const question = [...byId('verdict').childNodes];

/** Shows the question again, until there is a verdict. */
export function showQuestion() {
  byId('verdict').replaceChildren(...question);
}

/** Shows the verdict in the record's own words: its first sentence, then the others. */
export function showVerdict([first, ...others]) {
  byId('verdict').replaceChildren(
    element('p', { class: 'lead' }, first ?? 'The race has no verdict.'),
    element('ul', {}, ...others.map((text) => element('li', {}, text))),
  );
}
