/** Committed pictures are those that the program draws, and no text lies on another. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PICTURES } from './pictures.ts';
import { Canvas, type TextBox } from './svg.ts';

const FOLDER = new URL('../../../docs/pictures/', import.meta.url);
/** Free room around a picture's texts. */
const MARGIN = 8;

test('each committed picture is what the program draws; if not, run "npm run docs"', () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), Object.keys(PICTURES).sort());
  for (const [name, draw] of Object.entries(PICTURES)) {
    assert.ok(readFileSync(new URL(name, FOLDER), 'utf8') === draw().toString(), `${name} differs`);
  }
});

const overlap = (a: TextBox, b: TextBox): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Texts that lie on another text, or reach out of the picture. */
function misplaced({ texts, width, height }: Canvas): string[] {
  const outside = texts.filter(
    ({ left, right, top, bottom }) =>
      left < MARGIN || right > width - MARGIN || top < MARGIN || bottom > height - MARGIN,
  );
  const covered = texts.filter((text, i) =>
    texts.some((other, j) => j > i && overlap(text, other)),
  );
  return [...outside, ...covered].map(({ text }) => text);
}

test('no text lies on another, and none reaches out of its picture', () => {
  for (const [name, draw] of Object.entries(PICTURES))
    assert.deepEqual(misplaced(draw()), [], name);
});

test('texts that lie on each other are found, and one that reaches out', () => {
  const canvas = new Canvas('planted', 200, 100);
  canvas.text('one', { x: 50, y: 50 });
  canvas.text('two', { x: 60, y: 55 });
  canvas.text('three', { x: 180, y: 90 });
  assert.deepEqual(misplaced(canvas), ['three', 'one']);
});
