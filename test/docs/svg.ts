/** Draws pictures as SVG: boxes, lines and text, readable on a light and on a dark page. */

/** A colour by what it stands for; the style of the picture says how it looks. */
export type Ink = 'plain' | 'faint' | 'ann' | 'bob' | 'cy' | 'dee' | 'eve' | 'good' | 'bad';

/** A text on the canvas, with the room that it takes. */
export interface TextBox {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface TextOptions {
  readonly ink?: Ink;
  readonly size?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly isBold?: boolean;
  readonly isCode?: boolean;
}

interface BoxOptions {
  readonly ink?: Ink;
  readonly isFilled?: boolean;
  readonly isDashed?: boolean;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const TEXT_SIZE = 14;
/** Widths of a letter in parts of its size: above the average of the fonts that browsers take. */
const LETTER_WIDTH = 0.56;
const CODE_LETTER_WIDTH = 0.61;
/** Heights above and under the base line, in parts of the size. */
const ASCENT = 0.8;
const DESCENT = 0.22;

/** Each ink on a light and on a dark page. */
const INKS: Readonly<Record<Ink, readonly [light: string, dark: string]>> = {
  plain: ['#1f2328', '#e6edf3'],
  faint: ['#6e7781', '#8b949e'],
  ann: ['#0969da', '#58a6ff'],
  bob: ['#9a4a00', '#f0883e'],
  cy: ['#8250df', '#bc8cff'],
  dee: ['#0a7a5a', '#3fd0a4'],
  eve: ['#bf3989', '#f778ba'],
  good: ['#1a7f37', '#3fb950'],
  bad: ['#cf222e', '#ff7b72'],
};

const PAGE: readonly [light: string, dark: string] = ['#ffffff', '#0d1117'];

/** The style sheet of one page colour: 0 is light, 1 is dark. */
function styleOf(side: 0 | 1): string {
  const inks = Object.entries(INKS).map(
    ([name, colours]) => `.s-${name}{stroke:${colours[side]}}.f-${name}{fill:${colours[side]}}`,
  );
  return `.page{fill:${PAGE[side]}}${inks.join('')}`;
}

const STYLE = `text{font-family:system-ui,'DejaVu Sans',sans-serif}
.code{font-family:ui-monospace,'DejaVu Sans Mono',monospace}
${styleOf(0)}
@media(prefers-color-scheme:dark){${styleOf(1)}}`;

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** A number as a short text. */
const short = (value: number): string => String(Math.round(value * 10) / 10);

/** A picture in the making. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #title: string;
  readonly #parts: string[] = [];
  readonly #texts: TextBox[] = [];

  /** `title` is for readers who cannot see the picture. */
  constructor(title: string, width: number, height: number) {
    this.#title = title;
    this.width = width;
    this.height = height;
  }

  /** The texts on the canvas. */
  get texts(): readonly TextBox[] {
    return this.#texts;
  }

  /** Text with its base line at a point. */
  text(text: string, { x, y }: Point, options: TextOptions = {}): void {
    const {
      ink = 'plain',
      size = TEXT_SIZE,
      anchor = 'start',
      isBold = false,
      isCode = false,
    } = options;
    const classes = `f-${ink}${isCode ? ' code' : ''}`;
    const weight = isBold ? ' font-weight="600"' : '';
    const at = `x="${short(x)}" y="${short(y)}" font-size="${size}" text-anchor="${anchor}"`;
    this.#parts.push(`<text class="${classes}" ${at}${weight}>${escaped(text)}</text>`);
    const width = text.length * size * (isCode ? CODE_LETTER_WIDTH : LETTER_WIDTH);
    const left = anchor === 'start' ? x : anchor === 'middle' ? x - width / 2 : x - width;
    this.#texts.push({
      text,
      left,
      right: left + width,
      top: y - ASCENT * size,
      bottom: y + DESCENT * size,
    });
  }

  /** A box with round corners. */
  box(
    { x, y }: Point,
    { width, height }: { width: number; height: number },
    options: BoxOptions = {},
  ): void {
    const { ink = 'plain', isFilled = false, isDashed = false } = options;
    const fill = isFilled
      ? `class="s-${ink} f-${ink}" fill-opacity="0.14"`
      : `class="s-${ink}" fill="none"`;
    const at = `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
    this.#parts.push(`<rect ${at} rx="7" ${fill} stroke-width="1.5"${dashes(isDashed)}/>`);
  }

  /** A dot, filled or only its rim. */
  dot({ x, y }: Point, radius: number, { ink = 'plain', isFilled = true }: BoxOptions = {}): void {
    const fill = isFilled ? `class="s-${ink} f-${ink}"` : `class="s-${ink}" fill="none"`;
    this.#parts.push(
      `<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}" ${fill} stroke-width="1.5"/>`,
    );
  }

  /** A line; with a head, an arrow. */
  line(from: Point, to: Point, options: BoxOptions & { readonly hasHead?: boolean } = {}): void {
    const { ink = 'plain', isDashed = false, hasHead = false } = options;
    const path = `M${short(from.x)} ${short(from.y)}L${short(to.x)} ${short(to.y)}`;
    this.#parts.push(
      `<path d="${path}" class="s-${ink}" fill="none" stroke-width="1.5"${dashes(isDashed)}/>`,
    );
    if (hasHead) this.#head(from, to, ink);
  }

  /** An arrow. */
  arrow(from: Point, to: Point, options: BoxOptions = {}): void {
    this.line(from, to, { ...options, hasHead: true });
  }

  #head(from: Point, to: Point, ink: Ink): void {
    const angle = Math.atan2(to.y - from.y, to.x - from.x);
    const corner = (turn: number): string =>
      `${short(to.x - 9 * Math.cos(angle + turn))} ${short(to.y - 9 * Math.sin(angle + turn))}`;
    this.#parts.push(
      `<path d="M${short(to.x)} ${short(to.y)}L${corner(0.42)}L${corner(-0.42)}Z" class="f-${ink}" stroke="none"/>`,
    );
  }

  /** A piece of a ring around a centre, between two angles in turns. */
  arc(
    centre: Point,
    radii: readonly [inner: number, outer: number],
    turns: readonly [number, number],
    ink: Ink,
  ): void {
    const at = (radius: number, turn: number): string => {
      const angle = (turn - 0.25) * 2 * Math.PI;
      return `${short(centre.x + radius * Math.cos(angle))} ${short(centre.y + radius * Math.sin(angle))}`;
    };
    const [inner, outer] = radii;
    const [from, to] = turns;
    const path = `M${at(outer, from)}L${at(outer, to)}L${at(inner, to)}L${at(inner, from)}Z`;
    this.#parts.push(`<path d="${path}" class="f-${ink}" fill-opacity="0.75" stroke="none"/>`);
  }

  /** The picture as a file. */
  toString(): string {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
      `<title>${escaped(this.#title)}</title>`,
      `<style>${STYLE}</style>`,
      `<rect class="page" width="${this.width}" height="${this.height}" rx="10"/>`,
      ...this.#parts,
      '</svg>',
      '',
    ].join('\n');
  }
}

const dashes = (isDashed: boolean): string => (isDashed ? ' stroke-dasharray="5 4"' : '');
