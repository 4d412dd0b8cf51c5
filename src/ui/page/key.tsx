/** One key: its values side by side, a merge by hand, and the explanation of the nodes. */
import { isoToMs, wallMs } from './clock.ts';
import { Editor } from './editor.tsx';
import type { Explanation, HeldVersion } from './facts.ts';
import { Holders } from './holders.tsx';
import { draftOf, useKey } from './key-state.ts';
import { Fragment, h, type JSX, useRef, useState } from './outside.ts';
import { Trouble } from './parts.tsx';
import { linkTo } from './place.ts';
import { Value } from './value.tsx';
import type { NewValue, ShownVersion } from './versions.ts';
import { ago, bytes, visible } from './words.ts';
import { MAX_DRAWN_VALUES } from './limits.ts';

/** Draws a key. */
export function Key({ name }: { readonly name: string }): JSX.Element {
  const { read, explained, failure, said, isBusy, draft, setDraft, ...acts } = useKey(name);
  const head = useRef<HTMLHeadingElement>(null);
  // The button that was pressed may be gone after a write.
  const thenHead = (act: Promise<void>): void => void act.then(() => head.current?.focus());
  const write = (value: NewValue): void => thenHead(acts.write(value));
  const hasValue = read !== undefined && read.versions.length > 0;
  return (
    <Fragment>
      <p>
        <a href={linkTo('keys')}>All keys</a>
      </p>
      <h2 class="key-name" tabIndex={-1} ref={head}>
        {visible(name)}
      </h2>
      <p class="row">
        <span role="status">{said}</span>
        <button type="button" disabled={isBusy} onClick={() => void acts.readAgain()}>
          Read again
        </button>
        {hasValue ? <Delete isBusy={isBusy} onDelete={() => thenHead(acts.remove())} /> : null}
      </p>
      <Trouble text={failure} />
      {read === undefined ? null : (
        <Fragment>
          <Columns
            versions={read.versions}
            explained={explained}
            isBusy={isBusy}
            onTake={write}
            onEdit={(version) => setDraft(draftOf(version))}
          />
          <Editor
            name={name}
            draft={draft}
            onDraft={setDraft}
            token={read.token}
            values={read.versions.length}
            isBusy={isBusy}
            onWrite={write}
          />
        </Fragment>
      )}
      {explained === undefined ? null : <Holders explained={explained} />}
    </Fragment>
  );
}

/** Asks once more before it deletes. */
function Delete({
  isBusy,
  onDelete,
}: {
  readonly isBusy: boolean;
  readonly onDelete: () => void;
}): JSX.Element {
  const [isSure, ask] = useState(false);
  const press = (): void => {
    if (isSure) onDelete();
    ask(!isSure);
  };
  return (
    <button
      type="button"
      class={isSure ? 'danger' : ''}
      disabled={isBusy}
      onClick={press}
      onBlur={() => ask(false)}
    >
      {isSure ? 'Press again to delete what is shown' : 'Delete'}
    </button>
  );
}

interface ColumnsProps {
  readonly versions: readonly ShownVersion[];
  readonly explained: Explanation | undefined;
  readonly isBusy: boolean;
  readonly onTake: (version: ShownVersion) => void;
  readonly onEdit: (version: ShownVersion) => void;
}

function Columns({ versions, explained, isBusy, onTake, onEdit }: ColumnsProps): JSX.Element {
  const areSiblings = versions.length > 1;
  return (
    <Fragment>
      <div class={`versions ${areSiblings ? 'many' : ''}`}>
        {versions.slice(0, MAX_DRAWN_VALUES).map((version, i) => {
          const { dot, contentType, body, text } = version;
          const held = explained?.versions.find((one) => one.dot === dot);
          const other = areSiblings ? versions[i === 0 ? 1 : 0] : undefined;
          const place = areSiblings ? `Value ${i + 1} of ${versions.length}` : 'The value';
          return (
            <section class="card" aria-labelledby={`value-${i}`}>
              <h3 id={`value-${i}`}>{place}</h3>
              <p class="quiet">
                <code>{dot}</code> {whenOf(held)}
                {visible(contentType)}, {bytes(body.length)}
              </p>
              <Value version={version} other={other} label={`${place} as text`} />
              {areSiblings ? (
                <p class="row">
                  <button type="button" disabled={isBusy} onClick={() => onTake(version)}>
                    Take this<span class="unseen"> value {i + 1}, and drop the others</span>
                  </button>
                  {text === undefined ? null : (
                    <button type="button" disabled={isBusy} onClick={() => onEdit(version)}>
                      Merge from this<span class="unseen"> value {i + 1}</span>
                    </button>
                  )}
                </p>
              ) : null}
            </section>
          );
        })}
      </div>
      {versions.length > MAX_DRAWN_VALUES ? (
        <p class="quiet">
          and {versions.length - MAX_DRAWN_VALUES} older values, which a merge also replaces
        </p>
      ) : null}
      {areSiblings ? (
        <p class="quiet">
          Marked lines differ from {versions.length === 2 ? 'the other value' : 'the first value'}.
        </p>
      ) : null}
    </Fragment>
  );
}

function whenOf(held: HeldVersion | undefined): string {
  if (held === undefined) return '';
  const when = held.time === undefined ? '' : `, ${ago(isoToMs(held.time), wallMs())}`;
  return `taken by ${held.takenBy}${when}, `;
}
