/** The content of a token: for each actor, the writes that its holder has seen. */
import { Canvas, type Ink } from '../svg.ts';

interface Row {
  readonly actor: string;
  readonly ink: Ink;
  readonly entry: string;
  /** The numbers of the actor's writes that the token covers. */
  readonly seen: readonly number[];
}

const ROWS: readonly Row[] = [
  { actor: 'n1~jk4h', ink: 'ann', entry: 'Counter: 4', seen: [1, 2, 3, 4] },
  { actor: 'n2~8e5x', ink: 'bob', entry: 'Counter: 2', seen: [1, 2] },
  { actor: 'n3~c1v6', ink: 'cy', entry: 'Counter: 1, Dots: 4', seen: [1, 4] },
];
const WRITES = 6;
const LEFT = 330;
const STEP = 44;
const TOP = 92;
const ROW = 52;

/** Three actors with six writes each. */
export function drawToken(): Canvas {
  const canvas = new Canvas('A token as a set of dots, by actor', 760, 330);
  canvas.text('X-Mec-Vclock', { x: 30, y: 40 }, { isBold: true, isCode: true });
  canvas.text('the writes of each actor', { x: LEFT - 8, y: 40 }, { isBold: true });
  for (const [i, { actor, ink, entry, seen }] of ROWS.entries()) {
    const y = TOP + i * ROW;
    canvas.text(actor, { x: 30, y: y - 4 }, { ink, isBold: true, isCode: true });
    canvas.text(entry, { x: 30, y: y + 15 }, { isCode: true, size: 13 });
    canvas.line(
      { x: LEFT - 22, y },
      { x: LEFT + (WRITES - 1) * STEP + 24, y },
      { ink: 'faint', isDashed: true },
    );
    for (let number = 1; number <= WRITES; number++) {
      const x = LEFT + (number - 1) * STEP;
      canvas.dot({ x, y }, 9, {
        ink: seen.includes(number) ? ink : 'faint',
        isFilled: seen.includes(number),
      });
      canvas.text(String(number), { x, y: y + 25 }, { anchor: 'middle', size: 12, ink: 'faint' });
    }
  }
  drawLegend(canvas);
  return canvas;
}

function drawLegend(canvas: Canvas): void {
  canvas.dot({ x: 612, y: 90 }, 9, { ink: 'plain' });
  canvas.text('seen', { x: 630, y: 95 });
  canvas.dot({ x: 612, y: 122 }, 9, { ink: 'faint', isFilled: false });
  canvas.text('not seen', { x: 630, y: 127 });
  const lines = [
    'A dot is one write. A write with this token replaces the versions at filled dots.',
    'All others stay, as its siblings. The token is base64 of msgpack; its times only inform.',
  ];
  for (const [i, line] of lines.entries()) canvas.text(line, { x: 30, y: 276 + i * 24 });
}
