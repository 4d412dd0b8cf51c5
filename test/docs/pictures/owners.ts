/** The owners of partitions: the real placement of five nodes, for some of the partitions. */
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { placement } from '../../../src/core/placement/placement.ts';
import { Canvas, type Ink } from '../svg.ts';

const NODES: readonly { readonly id: string; readonly ink: Ink }[] = [
  { id: 'n1', ink: 'ann' },
  { id: 'n2', ink: 'bob' },
  { id: 'n3', ink: 'cy' },
  { id: 'n4', ink: 'dee' },
  { id: 'n5', ink: 'eve' },
];
const OWNERS = 3;
const SHOWN = 32;
const KEY = 'cart/ann';
const CENTRE = { x: 190, y: 185 };
const RADIUS = 86;
const BAND = 20;

const inkOf = (id: string): Ink => NODES.find((node) => node.id === id)?.ink ?? 'plain';

/** The neighbours of the partition of one key. */
export function drawOwners(): Canvas {
  const canvas = new Canvas('The owners of partitions, and of the partition of one key', 760, 370);
  const members = placement(
    NODES.map(({ id }) => ({ id, weight: 1 })),
    OWNERS,
  );
  const partition = partitionOf(KEY);
  const first = partition - (partition % SHOWN);
  for (let i = 0; i < SHOWN; i++) {
    const best = members[first + i] ?? [];
    for (const [rank, id] of best.slice(0, OWNERS).entries()) {
      const outer = RADIUS + (OWNERS - rank) * BAND;
      canvas.arc(
        CENTRE,
        [outer - BAND + 3, outer],
        [(i + 0.06) / SHOWN, (i + 0.94) / SHOWN],
        inkOf(id),
      );
    }
  }
  canvas.text(
    `partitions ${first} to ${first + SHOWN - 1}`,
    { ...CENTRE, y: 172 },
    { anchor: 'middle', size: 13 },
  );
  canvas.text('of 256; each has', { ...CENTRE, y: 191 }, { anchor: 'middle', size: 13 });
  canvas.text('3 owners', { ...CENTRE, y: 210 }, { anchor: 'middle', size: 13 });
  drawKey(canvas, partition, members[partition] ?? []);
  return canvas;
}

function drawKey(canvas: Canvas, partition: number, members: readonly string[]): void {
  canvas.text(KEY, { x: 400, y: 60 }, { isCode: true, isBold: true });
  canvas.arrow({ x: 436, y: 72 }, { x: 436, y: 104 });
  canvas.text('hash of the key', { x: 452, y: 93 }, { ink: 'faint' });
  canvas.text(`partition ${partition}`, { x: 400, y: 126 }, { isBold: true });
  canvas.arrow({ x: 436, y: 138 }, { x: 436, y: 170 });
  canvas.text('a score of each node, by its name', { x: 452, y: 159 }, { ink: 'faint' });
  for (const [i, id] of members.entries()) {
    const isOwner = i < OWNERS;
    const at = { x: 400 + i * 66, y: 184 };
    canvas.box(
      at,
      { width: 54, height: 42 },
      { ink: inkOf(id), isFilled: isOwner, isDashed: !isOwner },
    );
    canvas.text(id, { x: at.x + 27, y: at.y + 27 }, { anchor: 'middle', isBold: isOwner });
  }
  canvas.text('its owners, best first', { x: 400, y: 250 });
  canvas.text('its fallbacks', { x: 598, y: 250 }, { ink: 'faint' });
  canvas.text('This order is the preference list. Each node', { x: 400, y: 292 });
  canvas.text('computes it from the list of members alone.', { x: 400, y: 312 });
}
