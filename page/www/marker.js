// The contestants' markers, in the chart and in the table.

import { svg } from './dom.js';

/** Marker of a shape around a point, `size` pixels across. */
export function marker(shape, x, y, size, attributes) {
  const half = size / 2;
  if (shape === 'circle') return svg('circle', { cx: x, cy: y, r: half, ...attributes });
  if (shape === 'square') {
    const side = size * 0.9;
    return svg('rect', { x: x - side / 2, y: y - side / 2, width: side, height: side, ...attributes });
  }
  const points = `${x},${y - half * 1.1} ${x + half * 1.1},${y + half * 0.9} ${x - half * 1.1},${y + half * 0.9}`;
  return svg('polygon', { points, ...attributes });
}
