/**
 * The editor of a key: writes one value over all that its reader has seen. It shows in advance what
 * the write will replace.
 */
import { askJson, messageOf, segmentOf } from './api.ts';
import type { Explanation, Prediction } from './facts.ts';
import { h, type JSX, useEffect, useState } from './outside.ts';
import { Trouble } from './parts.tsx';
import type { Draft } from './key-state.ts';
import type { NewValue } from './versions.ts';
import { listed } from './words.ts';

interface EditorProps {
  readonly name: string;
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly token: string | undefined;
  /** The number of values that the token covers. */
  readonly values: number;
  readonly isBusy: boolean;
  readonly onWrite: (value: NewValue) => void;
}

/** Draws the editor. */
export function Editor(props: EditorProps): JSX.Element {
  const { name, draft, onDraft, token, values, isBusy, onWrite } = props;
  const isJson = /\bjson\b/.test(draft.contentType);
  const flaw = isJson ? flawOf(draft.text) : undefined;
  const write = (event: Event): void => {
    event.preventDefault();
    onWrite({ body: draft.text, contentType: draft.contentType, kept: draft.kept });
  };
  return (
    <form class="editor" onSubmit={write} aria-labelledby="editor">
      <h2 id="editor">{values > 1 ? 'Merge by hand' : values === 1 ? 'Edit' : 'Create'}</h2>
      <label for="draft">{values > 1 ? 'The merged value' : 'The value'}</label>
      <textarea
        id="draft"
        spellcheck={false}
        rows={Math.min(24, Math.max(6, draft.text.split('\n').length + 1))}
        value={draft.text}
        onInput={(event) => onDraft({ ...draft, text: event.currentTarget.value })}
      />
      <label for="type">Content type</label>
      <input
        id="type"
        value={draft.contentType}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onDraft({ ...draft, contentType: event.currentTarget.value })}
      />
      <p class="quiet" role="status">
        {flaw === undefined ? '' : `This is not JSON: ${flaw}. `}
        <Effect name={name} token={token} values={values} />
      </p>
      <button type="submit" class="main" disabled={isBusy}>
        {values > 1 ? `Write over all ${values} values` : 'Write'}
      </button>
    </form>
  );
}

function flawOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Says what a write with the token will do, by the prediction of the nodes. */
function Effect({
  name,
  token,
  values,
}: Pick<EditorProps, 'name' | 'token' | 'values'>): JSX.Element {
  const [said, say] = useState('');
  const [failure, fail] = useState<string | undefined>(undefined);
  useEffect(() => {
    let isOver = false;
    const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
    askJson<Explanation>(`/cluster/explain/${segmentOf(name)}${query}`).then(
      ({ ifYouWrite }) => isOver || say(sentenceOf(ifYouWrite)),
      (thrown: unknown) => isOver || fail(messageOf(thrown)),
    );
    return () => {
      isOver = true;
    };
  }, [name, token, values]);
  return failure === undefined ? <span>{said}</span> : <Trouble text={failure} />;
}

const dots = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : listed(names);

function sentenceOf(prediction: Prediction | undefined): string {
  if (prediction === undefined) return 'No owner can take a write now.';
  const { coordinator, replaces, leaves, refused } = prediction;
  if (refused !== undefined) return `${coordinator} would refuse the write: ${refused}.`;
  const over = replaces.length === 0 ? 'replace nothing' : `replace ${dots(replaces)}`;
  const left = leaves.length === 0 ? '' : `, and leave ${dots(leaves)}`;
  return `Through ${coordinator}, it will ${over}${left}. The token covers just that.`;
}
