// The nets that the page holds: what each contestant had after each evaluation, and one from a file.

/**
 * @typedef {{activation: string, loss: string}} Functions
 * @typedef {{weights: Float32Array, functions: Functions, step: number, steps: number, misses: number|null}} Snapshot
 */

/** Nets by key, one of them chosen: the one that is looked at, drawn for and saved. */
export class Nets {
  #runs = new Map();
  #key = null;
  #at = 0;
  #follow = true;
  #listeners = [];

  /** Calls `listener` whenever a net comes or another is chosen. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Forgets every contestant's nets, and chooses each new one as it comes until someone else chooses. */
  begin(keys) {
    for (const key of keys) this.#runs.delete(key);
    if (!this.#runs.has(this.#key)) this.#key = null;
    this.#follow = true;
    this.#changed();
  }

  /** Adds a net at the end of a run, in the place of one of the same step. */
  push(key, label, snapshot) {
    const run = this.#runs.get(key) ?? { label, snapshots: [] };
    this.#runs.set(key, run);
    if (run.snapshots.at(-1)?.step === snapshot.step) run.snapshots.pop();
    run.snapshots.push(snapshot);
    if (this.#follow || key === this.#key) this.#set(key, Infinity);
    else this.#changed();
  }

  /** Chooses the last net of the first of these keys that has one, unless someone chose. */
  settle(keys) {
    const key = keys.find((one) => this.#runs.has(one));
    if (this.#follow && key) this.#set(key, Infinity);
  }

  /** Chooses a net: someone's choice, so later ones do not replace it. */
  choose(key, at = Infinity) {
    this.#follow = false;
    this.#set(key, at);
  }

  /** Chosen net, or null: a snapshot with its key, label, place and the number of its run's snapshots. */
  get chosen() {
    const run = this.#runs.get(this.#key);
    if (!run) return null;
    return { ...run.snapshots[this.#at], key: this.#key, label: run.label, at: this.#at, of: run.snapshots.length };
  }

  /** Pairs of key and label. */
  get list() {
    return [...this.#runs].map(([key, run]) => [key, run.label]);
  }

  #set(key, at) {
    this.#key = key;
    this.#at = Math.max(0, Math.min(at, this.#runs.get(key).snapshots.length - 1));
    this.#changed();
  }

  #changed() {
    for (const listener of this.#listeners) listener(this.chosen);
  }
}
