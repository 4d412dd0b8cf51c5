/**
 * Policy files of Casbin (CSV), as far as rights on prefixes can say the same. All else is refused
 * with its line: a rule that is left out, or understood too widely, would change the meaning of the
 * whole file.
 */
import { StartError } from '../base/errors.ts';
import { isPrefix } from '../core/security/ledger-record.ts';
import { type Verb, VERBS } from '../core/security/verb.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';

/** The verbs of an identity on all keys with a prefix. */
export interface ImportedGrant {
  readonly identity: string;
  readonly prefix: string;
  readonly verbs: readonly Verb[];
}

/** The grants in a policy file. Throws `StartError` with the first line that is none. */
export function parseCasbinPolicy(file: string, text: string): ImportedGrant[] {
  const grants = new Map<string, ImportedGrant>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const grant = grantOf(line, (complaint) => new StartError(`${file}:${i + 1}: ${complaint}`));
    const { identity, prefix } = grant;
    const id = `${identity} ${prefix}`;
    const verbs = new Set([...(grants.get(id)?.verbs ?? []), ...grant.verbs]);
    grants.set(id, { identity, prefix, verbs: VERBS.filter((verb) => verbs.has(verb)) });
  }
  return [...grants.values()];
}

function grantOf(line: string, complain: (complaint: string) => StartError): ImportedGrant {
  const [kind, identity = '', object = '', act = '', effect = 'allow', ...more] = line
    .split(',')
    .map((field) => field.trim());
  if (kind !== 'p') throw complain(`expected "p, IDENTITY, PREFIX*, VERB"; there are no roles`);
  if (effect !== 'allow' || more.length > 0)
    throw complain('expected no more than an effect, and no other one than allow');
  if (!NODE_NAME_PATTERN.test(identity)) throw complain(`${identity} is no name of an identity`);
  const prefix = object.slice(0, -1);
  if (!object.endsWith('*'))
    throw complain(`"${object}" is one key; rights are on all keys of a prefix: "${object}*"`);
  if (/[*?:{}[\]()|^$\\"]/.test(prefix) || !isPrefix(prefix))
    throw complain(`"${object}" is a pattern; expected the beginning of keys, and one * after it`);
  const verbs = act === '*' ? VERBS : VERBS.filter((verb) => verb === act);
  if (verbs.length === 0) throw complain(`expected ${VERBS.join(', ')} or *, got "${act}"`);
  return { identity, prefix, verbs };
}
