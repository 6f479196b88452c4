// The seed, from the page's address.

const USUAL = 1337;
const LARGEST = 2 ** 32 - 1;

/** Seed of `?seed=N`, and a sentence if there is one that is no seed. */
export function seedOf(search) {
  const asked = new URLSearchParams(search).get('seed');
  if (asked === null) return { seed: USUAL, error: '' };
  const seed = /^\d{1,10}$/.test(asked) ? Number(asked) : NaN;
  if (seed <= LARGEST) return { seed, error: '' };
  const found = asked.length > 24 ? `${asked.slice(0, 24)}…` : asked;
  return { seed: USUAL, error: `“${found}” is no seed, which is a whole number from 0 to ${LARGEST}; ${USUAL} is used.` };
}
