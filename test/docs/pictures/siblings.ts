/** Two writers who have seen the same version, and the merge of what they wrote. */
import { Canvas, type Ink } from '../svg.ts';

interface Version {
  readonly x: number;
  readonly y: number;
  readonly value: string;
  readonly dot: string;
  readonly ink: Ink;
}

const WIDTH = 150;
const HEIGHT = 54;

/** A history of four versions of one key. */
export function drawSiblings(): Canvas {
  const canvas = new Canvas(
    'Two versions that replace one version become siblings, and a third replaces both',
    760,
    330,
  );
  const first: Version = { x: 30, y: 130, value: 'eggs', dot: 'n1:1', ink: 'plain' };
  const ann: Version = { x: 300, y: 60, value: 'eggs, milk', dot: 'n1:2', ink: 'ann' };
  const bob: Version = { x: 300, y: 200, value: 'eggs, bread', dot: 'n2:1', ink: 'bob' };
  const merged: Version = { x: 580, y: 130, value: 'eggs, milk, bread', dot: 'n3:1', ink: 'good' };
  for (const version of [first, ann, bob, merged]) drawVersion(canvas, version);
  link(canvas, first, ann, 'Ann: {n1:1}');
  link(canvas, first, bob, 'Bob: {n1:1}');
  for (const next of [ann, bob]) link(canvas, next, merged);
  canvas.text(
    'Cy: {n1:1-2, n2:1}',
    { x: 655, y: 118 },
    { anchor: 'middle', ink: 'good', size: 13, isCode: true },
  );
  canvas.text('GET: 200', { x: 105, y: 40 }, { anchor: 'middle', ink: 'faint' });
  canvas.text('GET: 300, two siblings', { x: 375, y: 40 }, { anchor: 'middle', ink: 'faint' });
  canvas.text('GET: 200', { x: 655, y: 40 }, { anchor: 'middle', ink: 'faint' });
  const notes = [
    'A write replaces the versions that its token covers, and no others.',
    'In braces: the token of each write. Under a value: its dot.',
  ];
  for (const [i, note] of notes.entries())
    canvas.text(note, { x: 380, y: 292 + i * 20 }, { anchor: 'middle' });
  return canvas;
}

function drawVersion(canvas: Canvas, { x, y, value, dot, ink }: Version): void {
  canvas.box({ x, y }, { width: WIDTH, height: HEIGHT }, { ink, isFilled: true });
  canvas.text(value, { x: x + WIDTH / 2, y: y + 23 }, { anchor: 'middle', isBold: true });
  canvas.text(
    dot,
    { x: x + WIDTH / 2, y: y + 43 },
    { anchor: 'middle', ink, size: 13, isCode: true },
  );
}

function link(canvas: Canvas, from: Version, to: Version, token?: string): void {
  const start = { x: from.x + WIDTH + 2, y: from.y + HEIGHT / 2 };
  const end = { x: to.x - 3, y: to.y + HEIGHT / 2 };
  canvas.arrow(start, end, {
    ink: token === undefined ? to.ink : from.ink === 'plain' ? to.ink : from.ink,
  });
  if (token === undefined) return;
  const isUp = end.y < start.y;
  const middle = { x: (start.x + end.x) / 2 - 6, y: isUp ? end.y - 4 : end.y + 14 };
  canvas.text(token, middle, { anchor: 'middle', ink: to.ink, size: 13, isCode: true });
}
