/**
 * A separate volume for a node: a file system in a file. It can be copied while it is in use, and
 * restored exactly, inodes included.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../fixtures/cluster.ts';

const run = promisify(execFile);
const SIZE = '512M';

/** The options of a volume. */
export interface VolumePlace {
  /** The file, without its extension. */
  readonly file: string;
  /** The mount point. */
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

  /** Unmounts the volume, which must no longer be in use. */
  async close(): Promise<void> {
    await eventually(`${this.#root} is unmounted`, async () => {
      await run('umount', [this.#root]);
      return true;
    });
  }

  /** Copies the volume at this moment, while the node runs. */
  async copy(): Promise<void> {
    await run('fsfreeze', ['--freeze', this.#root]);
    try {
      await run('cp', ['--sparse=always', this.#image, this.#copy]);
    } finally {
      await run('fsfreeze', ['--unfreeze', this.#root]);
    }
    this.#hasCopy = true;
  }

  /** Restores the copy. The node must not run. */
  async rollBack(): Promise<void> {
    await this.close();
    await run('cp', ['--sparse=always', this.#copy, this.#image]);
    await this.#mount();
  }

  /** Empties the volume. The node must not run. */
  async wipe(): Promise<void> {
    for (const name of await readdir(this.#root)) {
      if (name !== 'lost+found') await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }

  /** Deletes the copy, because a node that has left must not return with it. */
  forgetCopy(): void {
    this.#hasCopy = false;
  }
}
