// Tasks of which only the newest counts.

/** Runs one task at a time and, of those that come meanwhile, only the newest. While held, none starts. */
export class Latest {
  #next = null;
  #running = false;
  #held = false;

  /** Runs a task now, or after the present one if no newer task comes. */
  run(task) {
    this.#next = task;
    this.#start();
  }

  /** Lets no task start until `release`. */
  hold() {
    this.#held = true;
  }

  /** Lets tasks start again. */
  release() {
    this.#held = false;
    this.#start();
  }

  async #start() {
    if (this.#running || this.#held) return;
    this.#running = true;
    while (this.#next && !this.#held) {
      const task = this.#next;
      this.#next = null;
      try {
        await task();
      } catch (error) {
        console.error(error);
      }
    }
    this.#running = false;
  }
}
