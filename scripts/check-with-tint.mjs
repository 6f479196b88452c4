// Checks WGSL files with Tint, the WGSL compiler of Dawn (and so of Chrome), through the npm package `webgpu`: each
// must compile and create a compute pipeline within WebGPU's default limits. Dawn's null backend needs no driver.
//
//     check-with-tint.mjs FOLDER_WITH_NODE_MODULES [--only-compile] [FILE.wgsl ...]
//
// With --only-compile no pipeline is created, for shaders that exceed those limits, which the null backend cannot raise.
// Prints "ok FILE" or "error FILE" and the messages. Exit status: 0 all accepted, 1 some not, 2 no Dawn.
// Without files it only reports whether Dawn can be used.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...rest] = process.argv.slice(2);
const onlyCompile = rest[0] === "--only-compile";
const files = onlyCompile ? rest.slice(1) : rest;

async function open() {
  const index = join(resolve(folder), "node_modules", "webgpu", "index.js");
  const { create } = await import(pathToFileURL(index));
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("Dawn's null backend gives no adapter");
  // Requests no limits, so the device has those that WebGPU guarantees everywhere.
  return [gpu, await adapter.requestDevice()];
}

// The messages of Tint and Dawn about a file, including warnings.
async function complaints(device, code) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const found = messages
    .filter((message) => message.type !== "info")
    .map((message) => `${message.lineNum}:${message.linePos} ${message.type}: ${message.message}`);
  const invalid = await device.popErrorScope();
  if (invalid || found.length > 0) {
    return found.length > 0 ? found : [invalid.message];
  }
  if (onlyCompile) return found;
  try {
    await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  } catch (error) {
    found.push(`pipeline: ${error.message}`);
  }
  return found;
}

// Dawn's threads keep node running, hence the explicit exits.
let gpu, device;
try {
  [gpu, device] = await open();
} catch (error) {
  console.log(String(error));
  process.exit(2);
}
let failed = false;
for (const file of files) {
  const found = await complaints(device, readFileSync(file, "utf8"));
  console.log([`${found.length > 0 ? "error" : "ok"} ${file}`, ...found].join("\n"));
  failed ||= found.length > 0;
}
device.destroy();
process.exit(failed ? 1 : 0);
