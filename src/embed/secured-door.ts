/** The door of a secured node: its lock, its certificates, and the recovery by its disk. */
import type { Env } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import { Joins } from '../cluster/joins.ts';
import type { MecNode } from '../cluster/node.ts';
import type { Security } from '../cluster/security.ts';
import { JwtVerifier } from '../http/jwt.ts';
import { Lock } from '../http/lock.ts';
import type { HttpServerOptions } from '../http/server.ts';
import { readJwks } from './jwks-source.ts';
import { RECOVERY_LOOK_MS } from './limits.ts';
import type { SecuredRoot } from './secured-root.ts';

/** The parts of the HTTP server that a secured root has; none if requests need no credentials. */
export function securedDoor(
  node: MecNode,
  root: SecuredRoot | undefined,
  { clock, log, random }: Pick<Env, 'clock' | 'log' | 'random'>,
): Pick<HttpServerOptions, 'lock' | 'tls' | 'readTls' | 'joins'> {
  const { security, config } = node;
  if (root === undefined || security === undefined) return {};
  let lookedMs = -Infinity;
  const lookForRecovery = async (): Promise<void> => {
    const records = await root.takeRecovery();
    if (records === undefined) return;
    log.warn('an administrator for a short time was made on the disk of this node');
    const { lack } = await security.recover(records);
    if (lack.length > 0) log.warn('members lack the administrator', { nodes: lack.join(' ') });
  };
  const onUnknown = (): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lookedMs < RECOVERY_LOOK_MS) return;
    lookedMs = nowMs;
    lookForRecovery().catch((error: unknown) =>
      log.warn('recovery not told to all members', { reason: messageOf(error) }),
    );
  };
  const joins = new Joins({
    env: { clock, log, random },
    security,
    node,
    ca: () => root.tls.ca,
    // Few nodes ever sign, and the code for it takes long to load.
    sign: async (...given) => (await import('./make-cluster.ts')).signNewcomer(...given),
  });
  const lock = new Lock({
    security,
    clock,
    node: config.name,
    sink: root.audit,
    limits: () => config.security,
    onUnknown,
    jwt: jwtOf(node, security, { clock, log }),
    joins,
  });
  return { lock, tls: root.tls, readTls: () => root.readTls(), joins };
}

/** Checks the tokens of the issuer in the configuration; undefined if there is none. */
function jwtOf(
  { config }: MecNode,
  security: Security,
  { clock, log }: Pick<Env, 'clock' | 'log'>,
): JwtVerifier | undefined {
  const { jwt: rules } = config.security;
  if (rules === undefined) return undefined;
  return new JwtVerifier({
    rules,
    clock,
    nowMicros: () => security.nowMicros,
    keys: {
      read: () => readJwks(rules.keys),
      onFailure: (reason) => log.warn('keys of the issuer cannot be read', { reason }),
    },
  });
}
