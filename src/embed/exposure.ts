/**
 * The rule that no node is open to a network by mistake. Nothing protects the ports of a node, so
 * a node serves other machines only if its configuration has a word for it. A warning in the log
 * would not do: the operator may never see it, and a stranger needs only a moment.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { httpUrl } from '../base/address.ts';
import type { Env, Timer } from '../base/env.ts';
import { listenError, StartError } from '../base/errors.ts';
import type { Config } from '../cluster/config.ts';
import { INSECURE_WARNING_MS } from './limits.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only programs of this machine reach an address. */
const isLoopback = (address: string): boolean =>
  LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * The reason why a node must not serve at its host; undefined if it may. Other machines may reach a
 * host, and its configuration does not allow that. A name may have several addresses, and all of
 * them must be of this machine. Rejects if the name cannot be resolved.
 */
export async function whyExposed({
  host,
  security: { mode },
}: Pick<Config, 'host' | 'security'>): Promise<string | undefined> {
  if (mode !== 'open') return undefined;
  const addresses = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
  const foreign = addresses.find(({ address }) => !isLoopback(address));
  if (foreign === undefined) return undefined;
  const named = foreign.address === host ? host : `${host} (${foreign.address})`;
  return (
    `host: other machines reach ${named}, and security.mode is "${mode}", without credentials; ` +
    'set host = "127.0.0.1", or mode = "insecure" in [security] to serve everybody'
  );
}

/** Rejects with `StartError` if a node must not serve at its host. */
export async function assertNotExposed(config: Config): Promise<void> {
  const reason = await whyExposed(config).catch((error: unknown) => {
    throw listenError(httpUrl(config.host, config.httpport), 'httpport', error);
  });
  if (reason !== undefined) throw new StartError(reason);
}

/** Logs that a node needs no credentials, now and each hour. Undefined if it needs them. */
export function warnIfInsecure(
  { host, security: { mode } }: Pick<Config, 'host' | 'security'>,
  { clock, log }: Pick<Env, 'clock' | 'log'>,
): Timer | undefined {
  if (mode !== 'insecure' && mode !== 'migrating') return undefined;
  let timer: Timer;
  const warn = (): void => {
    log.warn('no port needs credentials', { 'security.mode': mode, host });
    timer = clock.after(INSECURE_WARNING_MS, warn);
  };
  warn();
  return { cancel: () => timer.cancel() };
}
