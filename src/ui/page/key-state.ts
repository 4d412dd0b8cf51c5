/** The knowledge about one key, the draft of its next value, and what one can do with them. */
import { askJson, messageOf, segmentOf } from './api.ts';
import type { Explanation } from './facts.ts';
import { useEffect, useState } from './outside.ts';
import {
  deleteKey,
  type NewValue,
  readKey,
  type ShownVersion,
  type ShownKey,
  writeKey,
} from './versions.ts';
import { counted } from './words.ts';

/** The value in the editor. */
export interface Draft {
  readonly text: string;
  readonly contentType: string;
  readonly kept: Readonly<Record<string, string>>;
}

const EMPTY: Draft = { text: '', contentType: 'text/plain; charset=utf-8', kept: {} };

/** The draft that begins with a version. One that is no text begins empty. */
export const draftOf = (version: ShownVersion | undefined): Draft =>
  version?.text === undefined
    ? EMPTY
    : { text: version.text, contentType: version.contentType, kept: version.kept };

interface KnownKey {
  /** Undefined until the key has been read. */
  readonly read: ShownKey | undefined;
  readonly explained: Explanation | undefined;
  readonly failure: string | undefined;
  /** The latest change of the key here, as a sentence for screen readers as well. */
  readonly said: string;
  readonly isBusy: boolean;
}

const NOTHING: KnownKey = {
  read: undefined,
  explained: undefined,
  failure: undefined,
  said: 'Reading …',
  isBusy: true,
};

/** The state of a key, and the actions on it. Each ends with another look at the key. */
export interface KeyHandle extends KnownKey {
  readonly draft: Draft;
  readonly setDraft: (draft: Draft) => void;
  readonly readAgain: () => Promise<void>;
  readonly write: (value: NewValue) => Promise<void>;
  readonly remove: () => Promise<void>;
}

async function look(name: string, said: string): Promise<KnownKey> {
  const read = await readKey(name);
  // The values count more than their explanation.
  const explained = await askJson<Explanation>(`/cluster/explain/${segmentOf(name)}`).catch(
    () => undefined,
  );
  const values = read.versions.length;
  const now = values === 0 ? 'It has no value.' : `It has ${counted(values, 'value')}.`;
  return { read, explained, failure: undefined, said: `${said}${now}`, isBusy: false };
}

/** Reads a key when it is first drawn. */
export function useKey(name: string): KeyHandle {
  const [known, set] = useState<KnownKey>(NOTHING);
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const act = async (action: () => Promise<string>): Promise<void> => {
    set((old) => ({ ...old, isBusy: true, failure: undefined }));
    try {
      const next = await look(name, await action());
      set(next);
      setDraft(draftOf(next.read?.versions[0]));
    } catch (thrown) {
      set((old) => ({ ...old, isBusy: false, failure: messageOf(thrown), said: '' }));
    }
  };
  const token = known.read?.token;
  useEffect(() => void act(async () => ''), []);
  return {
    ...known,
    draft,
    setDraft,
    readAgain: () => act(async () => ''),
    write: (value) =>
      act(async () => {
        const { dot, siblings } = await writeKey(name, value, { token });
        const more = siblings > 1 ? ' Meanwhile another value has arrived.' : '';
        return `Written as ${dot}.${more} `;
      }),
    remove: () =>
      act(async () => {
        if (token !== undefined) await deleteKey(name, token);
        return 'Deleted. ';
      }),
  };
}
