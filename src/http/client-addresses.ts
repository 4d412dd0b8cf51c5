/**
 * The addresses of clients, and what each of them uses. One address gets a part of the sockets,
 * places and bytes, so that it cannot take them all. Behind a proxy all clients have its address,
 * so proxies have no such limit.
 */
import { BlockList, isIPv6 } from 'node:net';
import { MAX_HTTP_CONNECTIONS, MAX_HTTP_IN_FLIGHT, SHARE_OF_ADDRESS } from './limits.ts';

/** One address, or one network of IPv6, in which a client may choose addresses freely. */
export class ClientAddress {
  /** Whether it is a proxy, for which no limits hold. */
  readonly isProxy: boolean;
  /** Open connections. */
  sockets = 0;
  /** Requests in progress. */
  requests = 0;

  constructor(isProxy: boolean) {
    this.isProxy = isProxy;
  }

  /** Whether it has more connections than it may have. */
  get hasTooManySockets(): boolean {
    return !this.isProxy && this.sockets > MAX_HTTP_CONNECTIONS * SHARE_OF_ADDRESS;
  }

  /** Whether it may send no further request now. */
  get hasAllItsPlaces(): boolean {
    return !this.isProxy && this.requests >= MAX_HTTP_IN_FLIGHT * SHARE_OF_ADDRESS;
  }
}

/** A remote address without its zone, and IPv4 in its own form. */
const plainOf = (remote: string): string =>
  remote.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');

const IPV6_GROUPS = 8;
/** The groups of a network: a provider gives one to each client. */
const NETWORK_GROUPS = 4;

/** The address or network whose limits hold for a remote address. */
function networkOf(remote: string): string {
  const plain = plainOf(remote);
  if (!isIPv6(plain)) return plain;
  const [before = '', after] = plain.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':');
    while (groups.length + rest.length < IPV6_GROUPS) groups.push('0');
    groups.push(...rest);
  }
  return groups.slice(0, NETWORK_GROUPS).join(':');
}

/** The addresses with open connections. */
export class ClientAddresses {
  readonly #proxies = new BlockList();
  readonly #byName = new Map<string, ClientAddress>();

  /** `proxies` are addresses, or networks such as `10.0.0.0/8`. */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#proxies.addAddress(address, family);
      else this.#proxies.addSubnet(address, Number(prefix), family);
    }
  }

  /** Counts a connection of a remote address. Its end must be counted with `close`. */
  open(remote: string): ClientAddress {
    const name = this.#nameOf(remote);
    let address = this.#byName.get(name);
    if (address === undefined) {
      address = new ClientAddress(this.#isProxy(remote));
      this.#byName.set(name, address);
    }
    address.sockets += 1;
    return address;
  }

  /** Counts the end of a connection of a remote address. */
  close(remote: string, address: ClientAddress): void {
    address.sockets -= 1;
    if (address.sockets === 0) this.#byName.delete(this.#nameOf(remote));
  }

  #isProxy(remote: string): boolean {
    const plain = plainOf(remote);
    return plain !== '' && this.#proxies.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  }

  /** A proxy may be one address of a network. */
  #nameOf(remote: string): string {
    return this.#isProxy(remote) ? `proxy ${plainOf(remote)}` : networkOf(remote);
  }
}
