// Files: nets and results to take away, and a net to bring.

import { size } from './format.js';

/** Largest file that is read: a file of these weights has about 40 kB. */
const LARGEST = 4e6;

/** Has the browser save content under a name. */
export function save(name, content, type) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Bytes of a file that someone chose; an error if it is too large to be one of weights. */
export async function read(file) {
  if (file.size > LARGEST) {
    throw new Error(`${file.name} has ${size(file.size)}; a file of this net’s weights has about 40 kB.`);
  }
  return new Uint8Array(await file.arrayBuffer());
}
