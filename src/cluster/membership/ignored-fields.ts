/**
 * A weight or zone that was changed in the configuration of a member. It does not count until the
 * node has left and joined again, so that partitions only move with pending owners.
 */
import type { Log } from '../../base/env.ts';
import type { Members } from './members.ts';

/** Warns when the weight or zone in the configuration is not that of the member; once for each. */
export function warnOfIgnoredFields(log: Log, members: Members): void {
  let last = '';
  const check = (): void => {
    const { own, ignoredFields: ignored } = members;
    if (ignored === undefined || own.state === 'gone') return;
    const fields = {
      weight: own.weight,
      configuredWeight: ignored.weight,
      zone: own.zone ?? 'none',
      configuredZone: ignored.zone ?? 'none',
    };
    const text = JSON.stringify(fields);
    if (text === last) return;
    last = text;
    const todo = 'mec leave, then start on an empty root';
    log.warn('configured weight or zone ignored until the node joins again', { ...fields, todo });
  };
  members.onChange(({ name }) => {
    if (name === members.self) check();
  });
  check();
}
