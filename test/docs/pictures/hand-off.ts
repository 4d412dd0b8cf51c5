/** A node joins: before, meanwhile and after, for one partition. */
import { Canvas, type Ink } from '../svg.ts';

interface Seat {
  readonly name: string;
  readonly note: string;
  readonly ink: Ink;
  readonly isDashed?: boolean;
}

interface Phase {
  readonly title: string;
  readonly seats: readonly Seat[];
  readonly lines: readonly string[];
}

const PHASES: readonly Phase[] = [
  {
    title: '1. Before',
    seats: [
      { name: 'n1', note: 'owner', ink: 'ann' },
      { name: 'n2', note: 'owner', ink: 'ann' },
      { name: 'n3', note: 'owner', ink: 'ann' },
    ],
    lines: ['Three owners serve', 'reads and writes.'],
  },
  {
    title: '2. n4 joins',
    seats: [
      { name: 'n1', note: 'owner', ink: 'ann' },
      { name: 'n2', note: 'owner', ink: 'ann' },
      { name: 'n3', note: 'owner', ink: 'ann' },
      { name: 'n4', note: 'pending owner', ink: 'bob', isDashed: true },
    ],
    lines: ['n4 takes every write, and', 'catches up. It counts', 'for no quorum yet.'],
  },
  {
    title: '3. After',
    seats: [
      { name: 'n1', note: 'former owner', ink: 'faint', isDashed: true },
      { name: 'n2', note: 'owner', ink: 'ann' },
      { name: 'n3', note: 'owner', ink: 'ann' },
      { name: 'n4', note: 'owner', ink: 'ann' },
    ],
    lines: ['n1 drops its replica when', 'all owners have all of it,', 'and have said so twice.'],
  },
];

const COLUMN = 248;
const SEAT = { width: 200, height: 36 };

/** Three columns, one for each phase. */
export function drawHandOff(): Canvas {
  const canvas = new Canvas(
    'The replicas of a partition before, while and after a node joins',
    760,
    340,
  );
  for (const [i, { title, seats, lines }] of PHASES.entries()) {
    const x = 30 + i * COLUMN;
    canvas.text(title, { x, y: 38 }, { isBold: true });
    for (const [j, { name, note, ink, isDashed = false }] of seats.entries()) {
      const y = 56 + j * 46;
      canvas.box({ x, y }, SEAT, { ink, isDashed, isFilled: !isDashed });
      canvas.text(name, { x: x + 14, y: y + 23 }, { isBold: true });
      canvas.text(note, { x: x + 48, y: y + 23 }, { ink });
    }
    for (const [j, line] of lines.entries()) canvas.text(line, { x, y: 270 + j * 20 });
    if (i > 0) canvas.arrow({ x: x - 40, y: 120 }, { x: x - 12, y: 120 }, { ink: 'faint' });
  }
  return canvas;
}
