/**
 * Two people who edit one key at two nodes. Cut the nodes from each other, let both write, heal,
 * and one of them merges.
 */
import { messageOf } from './api.ts';
import { Fragment, h, type JSX, useEffect, useState } from './outside.ts';
import { Trouble } from './parts.tsx';
import { linkTo } from './place.ts';
import { routesOf, type Toys } from './toys.ts';
import { readKey, type ShownKey, writeKey } from './versions.ts';
import { counted, readable } from './words.ts';

/** The key that both edit. */
const KEY = 'play:note';

/** A node that is cut off has too few others for a majority. It serves alone if it is asked to. */
const ALONE = { read: '&r=1', write: '?w=1' };

const TYPE = 'text/plain; charset=utf-8';

/** Draws the two editors. */
export function SplitEditors({ toys }: { readonly toys: Toys }): JSX.Element {
  const names = toys.nodes.map(({ name }) => name);
  const far = toys.cut[0] ?? names.at(-1) ?? '';
  const near = names.find((name) => name !== far && !toys.cut.includes(name)) ?? far;
  return (
    <section aria-labelledby="editors">
      <h2 id="editors">Two editors of one key</h2>
      <ol class="story">
        <li>Write something at one side, and read it at the other.</li>
        <li>Cut a node off above. Write at both sides: both writes are taken.</li>
        <li>Heal the cut, and read again: the key has two values, and none was lost.</li>
        <li>
          Merge them here, or <a href={linkTo('key', KEY)}>next to each other</a>.
        </li>
      </ol>
      <div class="versions many">
        <OneEditor who="Ann" start={near} names={names} />
        <OneEditor who="Bob" start={far} names={names} />
      </div>
      <p class="quiet">
        Both are content with one node (<code>r = 1</code>, <code>w = 1</code>), so that each can go
        on alone.
      </p>
    </section>
  );
}

/** The key as one person knows it, and the text that this person has typed. */
function useNote(who: string, node: string): Note {
  const [known, setKnown] = useState<ShownKey>({ versions: [], token: undefined });
  const [text, setText] = useState('');
  const [said, say] = useState('Not read yet.');
  const [failure, fail] = useState<string | undefined>(undefined);
  const routes = routesOf(node);
  const read = async (before: string): Promise<void> => {
    const key = await readKey(KEY, { query: ALONE.read, routes });
    setKnown(key);
    const values = key.versions.length;
    say(`${before}${node} knows ${values === 0 ? 'no value' : counted(values, 'value')}.`);
    setText(key.versions.map((version) => version.text ?? '').join('\n'));
  };
  const write = async (): Promise<void> => {
    const { token } = known;
    await writeKey(KEY, { body: text, contentType: TYPE }, { token, query: ALONE.write, routes });
    await read(`${who} has written. `);
  };
  const attempt = (action: () => Promise<void>): void => {
    fail(undefined);
    action().catch((thrown: unknown) => fail(messageOf(thrown)));
  };
  useEffect(() => attempt(() => read('')), [node]);
  const { versions } = known;
  return {
    versions,
    text,
    setText,
    said,
    failure,
    read: () => attempt(() => read('')),
    write: () => attempt(write),
  };
}

interface Note {
  readonly versions: ShownKey['versions'];
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly said: string;
  readonly failure: string | undefined;
  readonly read: () => void;
  readonly write: () => void;
}

function OneEditor({
  who,
  start,
  names,
}: {
  readonly who: string;
  readonly start: string;
  readonly names: readonly string[];
}): JSX.Element {
  const [chosen, choose] = useState<string | undefined>(undefined);
  const node = chosen ?? start;
  const { versions, text, setText, said, failure, read, write } = useNote(who, node);
  const id = `text-of-${who}`;
  return (
    <section class="card editor-of" aria-label={`The editor of ${who}`}>
      <p class="row">
        <label for={id}>{who} at</label>
        <select
          aria-label={`The node of ${who}`}
          value={node}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          {names.map((name) => (
            <option value={name}>{name}</option>
          ))}
        </select>
        <span role="status">{said}</span>
      </p>
      <Trouble text={failure} />
      {versions.length > 1 ? <Siblings versions={versions} /> : null}
      <textarea
        id={id}
        rows={4}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="row">
        <button type="button" class="main" onClick={write}>
          {versions.length > 1 ? `Write over all ${versions.length} values` : 'Write'}
          <span class="unseen"> as {who}</span>
        </button>
        <button type="button" onClick={read}>
          Read again<span class="unseen"> as {who}</span>
        </button>
      </p>
    </section>
  );
}

function Siblings({ versions }: Pick<Note, 'versions'>): JSX.Element {
  return (
    <Fragment>
      <p>Two writes had not seen each other. Make one text of them:</p>
      <ul class="siblings">
        {versions.map(({ dot, text }) => (
          <li>
            <code>{dot}</code> {readable(text ?? '')}
          </li>
        ))}
      </ul>
    </Fragment>
  );
}
