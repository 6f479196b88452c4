// Small canvases: digits in ink, weights and activations in two colours. One value is one canvas pixel; CSS enlarges it.

const scheme = matchMedia('(prefers-color-scheme: dark)');

/** Calls `redraw` when the colour scheme changes: canvases hold colours, not variables. */
export function onSchemeChange(redraw) {
  scheme.addEventListener('change', redraw);
}

/** Red, green and blue of a colour of the style sheet, such as `ink`. */
function colour(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Paints values row by row; `share(value)` is how far, 0 to 1, a pixel goes from the surface to `over(value)`'s colour. */
function paint(canvas, values, share, over) {
  const surface = colour('surface');
  const context = canvas.getContext('2d');
  const image = context.createImageData(canvas.width, canvas.height);
  for (let at = 0; at < canvas.width * canvas.height; at++) {
    const part = Math.min(1, Math.max(0, share(values[at])));
    const full = over(values[at]);
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * at + channel] = surface[channel] + part * (full[channel] - surface[channel]);
    }
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Paints a digit: 0 is paper, 1 ink. */
export function paintInk(canvas, values) {
  const ink = colour('ink');
  paint(canvas, values, (value) => value, () => ink);
}

/** Paints signed values: one colour for positive ones, another for negative ones, full at ±`scale`. */
export function paintSigned(canvas, values, scale) {
  const [positive, negative] = [colour('positive'), colour('negative')];
  const share = scale > 0 ? (value) => Math.abs(value) / scale : () => 0;
  paint(canvas, values, share, (value) => (value < 0 ? negative : positive));
}

/** Largest absolute value. */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
