// A race: the contestants one after another, each followed through its events.

import { train } from './backend.js';
import { sentence } from './format.js';

/**
 * Trains each contestant in turn. One that fails does not stop the others; a stop by `signal` does.
 * @param {{contestants: {id: string}[], seed: number, signal: AbortSignal, view: RaceView}} race
 * @returns {Promise<{outcomes: object[], restrictions: string[]}>}
 *
 * @typedef {{begin(id), phase(id, phase, note), device(id, text, kernels), progress(id, event),
 *   evaluated(id, event, functions), finished(id, outcome), failed(id, sentence), hidden(id)}} RaceView
 */
export async function runRace({ contestants, seed, signal, view }) {
  const outcomes = [];
  const restrictions = [];
  for (const { id } of contestants) {
    const background = watchBackground(() => {
      restrictions.push(`the tab was in the background while ${id} trained`);
      view.hidden(id);
    });
    view.begin(id);
    try {
      const outcome = await train(id, seed, (event) => follow(id, event, view), signal);
      outcomes.push(outcome);
      view.finished(id, outcome);
    } catch (error) {
      if (signal.aborted) throw error;
      view.failed(id, sentence(error));
    } finally {
      background.stop();
    }
  }
  return { outcomes, restrictions };
}

/** Passes an event of the backend on. */
function follow(id, event, view) {
  if (event.type === 'phase') view.phase(id, event.phase, event.note);
  else if (event.type === 'device') view.device(id, event.device, event.kernels);
  else if (event.type === 'progress') view.progress(id, event);
  else if (event.type === 'evaluated') view.evaluated(id, event, event.functions);
}

/** Calls `seen` once if the tab is or comes into the background before `stop`. */
function watchBackground(seen) {
  const look = () => {
    if (!document.hidden) return;
    stop();
    seen();
  };
  const stop = () => document.removeEventListener('visibilitychange', look);
  document.addEventListener('visibilitychange', look);
  look();
  return { stop };
}
