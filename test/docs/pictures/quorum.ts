/** Why a read sees a write: their quorums share an owner. */
import { Canvas, type Ink } from '../svg.ts';

const OWNERS = ['n1', 'n2', 'n3'];
const TOP = 66;
const STEP = 76;

/** n = 3, w = 2, r = 2. */
export function drawQuorum(): Canvas {
  const canvas = new Canvas('A write on two of three owners, and a read of two of them', 760, 330);
  canvas.text('n = 3 owners', { x: 380, y: 34 }, { anchor: 'middle', isBold: true });
  canvas.text('w = 2', { x: 180, y: 34 }, { anchor: 'middle', ink: 'ann', isBold: true });
  canvas.text('r = 2', { x: 580, y: 34 }, { anchor: 'middle', ink: 'bob', isBold: true });
  for (const [i, name] of OWNERS.entries()) drawOwner(canvas, name, i);
  drawClient(canvas, { x: 30, ink: 'ann', lines: ['writer', 'PUT soup'] });
  drawClient(canvas, { x: 630, ink: 'bob', lines: ['reader', 'GET'] });
  for (const i of OWNERS.keys()) {
    const y = TOP + i * STEP + 28;
    canvas.arrow(
      { x: 132, y: 164 },
      { x: 306, y },
      { ink: i < 2 ? 'ann' : 'faint', isDashed: i === 2 },
    );
    if (i > 0) canvas.arrow({ x: 454, y }, { x: 628, y: 164 }, { ink: 'bob' });
  }
  canvas.text('200', { x: 80, y: 216 }, { anchor: 'middle', ink: 'ann' });
  canvas.text('after two disks', { x: 80, y: 236 }, { anchor: 'middle', ink: 'ann' });
  canvas.text('200 soup', { x: 680, y: 216 }, { anchor: 'middle', ink: 'bob' });
  canvas.text('after two answers', { x: 680, y: 236 }, { anchor: 'middle', ink: 'bob' });
  const rule = 'r + w > n, so each read has at least one owner with the write: here n2.';
  canvas.text(rule, { x: 380, y: 300 }, { anchor: 'middle' });
  return canvas;
}

function drawOwner(canvas: Canvas, name: string, i: number): void {
  const y = TOP + i * STEP;
  const hasIt = i < 2;
  const ink: Ink = name === 'n2' ? 'good' : 'plain';
  canvas.box({ x: 310, y }, { width: 140, height: 56 }, { ink, isFilled: name === 'n2' });
  canvas.text(name, { x: 326, y: y + 33 }, { isBold: true });
  const held = hasIt ? 'has soup' : 'is late';
  canvas.text(held, { x: 362, y: y + 33 }, { ink: hasIt ? 'plain' : 'faint' });
}

interface Client {
  readonly x: number;
  readonly ink: Ink;
  readonly lines: readonly string[];
}

function drawClient(canvas: Canvas, { x, ink, lines }: Client): void {
  canvas.box({ x, y: 136 }, { width: 100, height: 56 }, { ink, isFilled: true });
  for (const [i, line] of lines.entries()) {
    canvas.text(line, { x: x + 50, y: 159 + i * 20 }, { anchor: 'middle', isBold: i === 0 });
  }
}
