/** Small parts that several views use. */
import type { Level } from './nodes.ts';
import { type ComponentChildren, h, type JSX } from './outside.ts';

const SHAPES: Readonly<Record<Level, string>> = {
  good: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z',
  fair: 'M8 1 15.5 14.5H.5z',
  bad: 'M2 2h12v12H2z',
  none: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z',
};

/** A level as a shape. Words next to it say the same. */
export function Mark({ level }: { readonly level: Level }): JSX.Element {
  return (
    <svg class={`mark ${level}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[level]} />
    </svg>
  );
}

/** A state as a shape and a word. */
export function State({
  level,
  children,
}: {
  readonly level: Level;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`state ${level}`}>
      <Mark level={level} />
      {children}
    </span>
  );
}

/** A named value. */
export function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** An error that stays as long as it holds. */
export function Trouble({ text }: { readonly text: string | undefined }): JSX.Element | null {
  return text === undefined ? null : (
    <p class="trouble" role="alert">
      <Mark level="bad" />
      {text}
    </p>
  );
}

/** A table with a caption for screen readers. A wide one scrolls in its own box. */
export function Table({
  caption,
  heads,
  children,
}: {
  readonly caption: string;
  readonly heads: readonly ComponentChildren[];
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
