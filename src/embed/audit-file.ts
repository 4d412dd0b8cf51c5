/** The file of the audit. It is rotated, so that it cannot fill the disk. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { AuditSink } from '../http/audit.ts';
import { MAX_AUDIT_BYTES, MAX_AUDIT_FILES } from './limits.ts';

/** Appends lines to a file, whose older parts are next to it with a number. */
export class AuditFile implements AuditSink {
  readonly #path: string;
  #file: number | undefined;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  append(line: string): void {
    if (this.#bytes + line.length > MAX_AUDIT_BYTES) this.#rotate();
    this.#bytes += writeSync(this.#open(), line);
  }

  #open(): number {
    if (this.#file === undefined) {
      // Only the owner may read it.
      this.#file = openSync(this.#path, 'a', 0o600);
      this.#bytes = fstatSync(this.#file).size;
    }
    return this.#file;
  }

  #rotate(): void {
    this.close();
    for (let i = MAX_AUDIT_FILES - 1; i >= 1; i--)
      renameIfThere(i === 1 ? this.#path : `${this.#path}.${i - 1}`, `${this.#path}.${i}`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#bytes = 0;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'ENOENT') throw error;
  }
}
