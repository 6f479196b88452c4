// The contestants, in the order in which they run.

/** Contestants: `id` is the name that the backend knows. */
export const CONTESTANTS = [
  { id: 'gpu', label: 'GPU', way: 'all images at once', marker: 'circle' },
  { id: 'cpu', label: 'CPU', way: 'all images at once', marker: 'square' },
  { id: 'per-example', label: 'One at a time', way: 'batch 1', marker: 'triangle' },
];

/** Contestant of this id. */
export function contestant(id) {
  return CONTESTANTS.find((one) => one.id === id);
}

/** Id of a contestant in a race's record: a software adapter ran in the GPU's place. */
export function idOfKind(kind) {
  return kind === 'software' ? 'gpu' : kind;
}
