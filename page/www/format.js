// Numbers as the page writes them.

/** Number to three significant digits, without an exponent. */
function three(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

/** Duration, such as `26 µs`, `0.8 ms`, `24.3 ms` or `1.24 s`. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds === 0) return '0 s';
  if (seconds < 0.9995e-4) return `${three(seconds * 1e6)}\u00a0µs`;
  if (seconds < 0.9995) return `${three(seconds * 1e3)}\u00a0ms`;
  return `${three(seconds)}\u00a0s`;
}

/** Size, such as `2.9 MB`. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${three(bytes / 1e3)}\u00a0kB` : `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
}

/** Whole number with separators, such as `2,007`. */
export function count(value) {
  return value.toLocaleString('en-US');
}

/** Speed-up, such as `1,749×`. */
export function factor(value) {
  return `${three(value)}×`;
}

/** Message of anything thrown, as a sentence. */
export function sentence(error) {
  const message = String(error?.message ?? error).trim() || 'An error without a message.';
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}
