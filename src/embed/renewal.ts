/**
 * The end of a node's certificate. A node renews it in time, if the key of the authority is on its
 * disk. Otherwise its log says that an operator must.
 */
import type { Clock, Env, Timer } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import type { Config } from '../cluster/config.ts';
import { type CertificateLife, lifeOf } from '../http/certificate-life.ts';
import {
  CERTIFICATE_LOOK_MS,
  CERTIFICATE_WARNING_DAYS,
  DAY_MICROS,
  NODE_LIFE_MICROS,
} from './limits.ts';
import type { SecuredRoot } from './secured-root.ts';

/** The parts that it needs. */
export interface RenewalParts {
  readonly root: SecuredRoot;
  readonly config: Pick<Config, 'name' | 'host'>;
  readonly env: Pick<Env, 'log'> & { readonly clock: Pick<Clock, 'after' | 'wallMicros'> };
  /** Makes the server use the files. Rejects if they are no pair. */
  readonly reload: () => Promise<void>;
}

/** Looks at the certificate now and from time to time, until the timer is cancelled. */
export function watchCertificate(parts: RenewalParts): Timer {
  const { clock, log } = parts.env;
  let timer: Timer | undefined;
  let isOver = false;
  const look = (): void => {
    timer = undefined;
    lookOnce(parts)
      .catch((error: unknown) => log.warn('certificate not renewed', { reason: messageOf(error) }))
      .finally(() => {
        if (!isOver) timer = clock.after(CERTIFICATE_LOOK_MS, look);
      });
  };
  look();
  const cancel = (): void => {
    isOver = true;
    timer?.cancel();
  };
  return { cancel };
}

async function lookOnce(parts: RenewalParts): Promise<void> {
  const { root, env, reload } = parts;
  const nowMicros = env.clock.wallMicros();
  const { certificate } = await root.readTls();
  const life = lifeOf(certificate);
  if (isDue(life, nowMicros) && (await renew(parts, nowMicros))) {
    await reload();
    env.log.info('certificate renewed', { days: NODE_LIFE_MICROS / DAY_MICROS });
    return;
  }
  const days = Math.floor((life.untilMicros - nowMicros) / DAY_MICROS);
  if (days < CERTIFICATE_WARNING_DAYS)
    env.log.warn('certificate of this node ends', { days, 'renew with': 'mec security renew' });
}

/** Whether two thirds of a life have passed. */
const isDue = ({ fromMicros, untilMicros }: CertificateLife, nowMicros: number): boolean =>
  3 * (nowMicros - fromMicros) >= 2 * (untilMicros - fromMicros);

/** Replaces the certificate, for the same key. Resolves with whether this node can do that. */
async function renew({ root, config }: RenewalParts, nowMicros: number): Promise<boolean> {
  const by = await root.readAuthority();
  if (by === undefined) return false;
  // One file is replaced at once, and two are not: after a crash they would be no pair.
  const { key } = await root.readTls();
  const { name, host } = config;
  // Nodes that never renew do not load the packages for it.
  const own = { name, host, key };
  const signed = (await import('./make-cluster.ts')).signAgain(by, own, nowMicros);
  await root.replaceCertificate(await signed);
  return true;
}
