/** The verdict on a cluster in `mec status`: its lines, and its exit code. */
import type { Health, HealthReason } from '../cluster/insight/verdict.ts';
import { HEALTH_EXIT } from './exit-codes.ts';
import { oneLine, print, printBold } from './terminal.ts';

/**
 * The worst of several verdicts. Each node gives one on the whole cluster, but some may hear
 * nothing of the others. A node of an earlier release gives none.
 */
export function worstOf(verdicts: readonly (Health | undefined)[]): Health {
  const known = verdicts.filter((verdict) => verdict !== undefined);
  const [first] = known;
  const worst = [...known].sort((a, b) => HEALTH_EXIT[b.status] - HEALTH_EXIT[a.status])[0];
  if (first === undefined || worst === undefined) return { status: 'ok', reasons: [] };
  return first.status === worst.status ? first : worst;
}

/** The exit code for a verdict. */
export const healthExit = ({ status }: Health): number => HEALTH_EXIT[status];

/** Prints the verdict under the table; nothing if all is well. */
export async function printHealth({ status, reasons }: Health): Promise<boolean> {
  if (status === 'ok') return true;
  const { stdout } = process;
  return (
    (await print(stdout, '\n')) &&
    (await printBold(stdout, status)) &&
    print(stdout, reasons.map(reasonText).join(''))
  );
}

const reasonText = ({ code, what, since, todo }: HealthReason): string =>
  `  ${code}  since ${since}\n    ${oneLine(what)}\n    ${oneLine(todo)}\n`;
