/**
 * xxHash (Yann Collet) as WebAssembly: fast and evenly distributed, but not safe against an
 * adversary.
 *
 * The package that has it compiles it asynchronously, and a module that awaits cannot be loaded by
 * `require`. So this file reads the code of that package and compiles it at once.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The functions in the code. Each hashes the first bytes of the memory. */
interface XxHash {
  readonly mem: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly xxh32: (from: 0, length: number, seed: number) => number;
  readonly xxh64: (from: 0, length: number, seed: bigint) => bigint;
}

/** The part of `WebAssembly` that is used. Neither ECMAScript nor the types of Node have it. */
interface WasmCompiler {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const PAGE_BYTES = 65_536;
/** The largest number of bytes of UTF-8 for one unit of UTF-16. */
const MAX_UNIT_BYTES = 3;

function compile(): XxHash {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmCompiler };
  const entry = createRequire(import.meta.url).resolve('xxhash-wasm');
  const code = readFileSync(join(dirname(entry), '../workerd/xxhash.wasm'));
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as XxHash;
}

const { mem, xxh32, xxh64 } = compile();
const encoder = new TextEncoder();
let memory = new Uint8Array(mem.buffer);

/** Puts bytes into the memory. Returns their number. */
function load(bytes: Uint8Array): number {
  reserve(bytes.length);
  memory.set(bytes);
  return bytes.length;
}

/** Puts the UTF-8 bytes of a text into the memory. Returns their number. */
function loadText(text: string): number {
  reserve(MAX_UNIT_BYTES * text.length);
  return encoder.encodeInto(text, memory).written;
}

function reserve(length: number): void {
  const missing = length - memory.length;
  if (missing <= 0) return;
  mem.grow(Math.ceil(missing / PAGE_BYTES));
  // The larger memory has another buffer.
  memory = new Uint8Array(mem.buffer);
}

/** The 64-bit xxHash of the UTF-8 bytes of a text. */
export function hashText64(text: string): bigint {
  return BigInt.asUintN(64, xxh64(0, loadText(text), 0n));
}

/** The 32-bit xxHash of bytes under a seed, 0 … 2³²−1. */
export function hash32(bytes: Uint8Array, seed = 0): number {
  return xxh32(0, load(bytes), seed) >>> 0;
}

/** The 32-bit xxHash of the UTF-8 bytes of a text under a seed, 0 … 2³²−1. */
export function hashText32(text: string, seed = 0): number {
  return xxh32(0, loadText(text), seed) >>> 0;
}

/** The 64-bit xxHash of bytes. */
export function hash64(bytes: Uint8Array): bigint {
  return BigInt.asUintN(64, xxh64(0, load(bytes), 0n));
}
