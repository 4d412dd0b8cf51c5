/**
 * A volume of its own for a node: a file system in a file, which can be copied while it is in use,
 * and put back as it was, inodes and all.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../fixtures/cluster.ts';

const run = promisify(execFile);
const SIZE = '512M';

/** What a volume is made with. */
export interface VolumePlace {
  /** The file, without its ending. */
  readonly file: string;
  /** Where it is mounted. */
  readonly root: string;
}

/** A volume. */
export class Volume {
  readonly #image: string;
  readonly #copy: string;
  readonly #root: string;
  #hasCopy = false;

  private constructor({ file, root }: VolumePlace) {
    this.#image = `${file}.img`;
    this.#copy = `${file}.copy`;
    this.#root = root;
  }

  /** Makes a volume and mounts it. */
  static async make(place: VolumePlace): Promise<Volume> {
    const volume = new Volume(place);
    await mkdir(place.root, { recursive: true });
    await run('truncate', ['-s', SIZE, volume.#image]);
    await run('mkfs.ext4', ['-q', '-E', 'nodiscard', volume.#image]);
    await volume.#mount();
    return volume;
  }

  get hasCopy(): boolean {
    return this.#hasCopy;
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.#image, this.#root]);
  }

  /** Unmounts it; nothing may use it any more. */
  async close(): Promise<void> {
    await eventually(`${this.#root} is unmounted`, async () => {
      await run('umount', [this.#root]);
      return true;
    });
  }

  /** Copies the volume as it is at this moment, while the node goes on. */
  async copy(): Promise<void> {
    await run('fsfreeze', ['--freeze', this.#root]);
    try {
      await run('cp', ['--sparse=always', this.#image, this.#copy]);
    } finally {
      await run('fsfreeze', ['--unfreeze', this.#root]);
    }
    this.#hasCopy = true;
  }

  /** Puts the copy in the volume's place; the node must not run. */
  async rollBack(): Promise<void> {
    await this.close();
    await run('cp', ['--sparse=always', this.#copy, this.#image]);
    await this.#mount();
  }

  /** Empties the volume; the node must not run. */
  async wipe(): Promise<void> {
    for (const name of await readdir(this.#root)) {
      if (name !== 'lost+found') await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }

  /** Forgets the copy: a node that has left must not come back with it. */
  forgetCopy(): void {
    this.#hasCopy = false;
  }
}
