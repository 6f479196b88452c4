// The pad: ink of a pen, a finger or a mouse on a canvas.

/** Width of a stroke as a share of the pad's side: about a pen's on a digit of this size. */
const STROKE = 0.08;
/** Margin around a digit that is put on the pad, as a share of its side. */
const MARGIN = 0.1;

/** Pad that tells when its picture has changed. */
export class Pad {
  #pen = null;
  #timer = 0;

  /** Pad on a canvas; `changed` is called shortly after each stroke. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.context = canvas.getContext('2d', { willReadFrequently: true });
    this.clear();
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, (event) => this.#up(event));
  }

  /** Makes the pad white. */
  clear() {
    clearTimeout(this.#timer);
    this.#pen = null;
    this.context.fillStyle = '#fff';
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Puts a digit of 16 by 16 pixels, 0 paper and 1 ink, on the pad. */
  put(ink) {
    const digit = document.createElement('canvas');
    digit.width = digit.height = 16;
    const context = digit.getContext('2d');
    const image = context.createImageData(16, 16);
    ink.forEach((value, at) => image.data.set([0, 0, 0, Math.round(255 * value)], 4 * at));
    context.putImageData(image, 0, 0);
    this.clear();
    const side = this.canvas.width;
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(digit, side * MARGIN, side * MARGIN, side * (1 - 2 * MARGIN), side * (1 - 2 * MARGIN));
    this.changed();
  }

  /** Picture row by row: 0 is black, 255 white. */
  grey() {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    return { width, height, grey: Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]) };
  }

  /** Tells whether there is any ink. */
  get empty() {
    return this.grey().grey.every((value) => value === 255);
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  #down(event) {
    if (this.#pen || event.button !== 0) return;
    event.preventDefault();
    clearTimeout(this.#timer);
    this.canvas.setPointerCapture(event.pointerId);
    this.#pen = { id: event.pointerId, at: this.#at(event) };
    this.#line(this.#pen.at);
  }

  #move(event) {
    if (this.#pen?.id !== event.pointerId) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const one of between.length > 0 ? between : [event]) this.#line(this.#at(one));
  }

  #up(event) {
    if (this.#pen?.id !== event.pointerId) return;
    this.#pen = null;
    this.#timer = setTimeout(this.changed, 120);
  }

  /** Draws a line from the pen's place to another. */
  #line(to) {
    const { context } = this;
    context.strokeStyle = '#000';
    context.lineWidth = STROKE * this.canvas.width;
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(...this.#pen.at);
    context.lineTo(...to);
    context.stroke();
    this.#pen.at = to;
  }
}
