// The notice about WebGPU.

const BROWSERS = 'Browsers with WebGPU: Chrome and Edge from 113 on Windows, macOS and ChromeOS and from 121 on Android; '
  + 'Safari from 26; Firefox from 141 on Windows and from 145 on Macs with Apple silicon. On Linux it depends on version and '
  + 'driver; Chrome may need chrome://flags/#enable-unsafe-webgpu.';

/** Text of the notice for what `backend.gpu` found, empty if none is needed. */
export function noticeOf({ available, fallback, adapter, reason }) {
  if (!available) {
    return `No WebGPU here: ${reason} The page trains on the CPU alone. ${BROWSERS}`;
  }
  return fallback ? `This browser’s WebGPU runs on a software adapter (${adapter}): its time says nothing about GPUs.` : '';
}
