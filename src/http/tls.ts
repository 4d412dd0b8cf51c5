/** TLS of the HTTP port: only version 1.3, and client certificates that the authority signs. */
import {
  createServer as createPlain,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createSecure, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { type SecureContextOptions, TLSSocket } from 'node:tls';
import { MecError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import type { Config } from '../cluster/config.ts';
import type { ClientCertificate } from '../cluster/security.ts';
import { TLS_HANDSHAKE_MS } from './limits.ts';

/** The certificates of a server, as PEM. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: Secret;
  /** The authority of clients. */
  readonly ca: string;
}

/** The server of HTTP, in the clear or under TLS. */
export type AnyServer = Server | SecureServer;

const contextOf = ({ certificate, key, ca }: TlsFiles): SecureContextOptions => ({
  cert: certificate,
  key: key.reveal(),
  ca,
  minVersion: 'TLSv1.3',
});

/** Makes a server. Throws if the certificate and the key are no pair. */
export function createAnyServer(
  options: ServerOptions,
  tls: TlsFiles | undefined,
  onRequest: RequestListener,
): AnyServer {
  if (tls === undefined) return createPlain(options, onRequest);
  return createSecure(
    {
      ...options,
      ...contextOf(tls),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: TLS_HANDSHAKE_MS,
      requestCert: true,
      // This server answers a client without a certificate itself: it may have a token.
      rejectUnauthorized: false,
    },
    onRequest,
  );
}

/**
 * Gives a server other certificates. Open connections go on. Throws `bad-parameter` if they are no
 * pair, and then the old ones stay.
 */
export function replaceTls(server: AnyServer, tls: TlsFiles): void {
  try {
    if ('setSecureContext' in server) server.setSecureContext(contextOf(tls));
  } catch (error) {
    const detail = 'The certificate and the key in the files are no pair; the old ones stay';
    throw new MecError('bad-parameter', { detail }, error);
  }
}

/** The name in certificates of clusters that have none. */
export const UNNAMED_CLUSTER = 'mec';

/** The cluster in the names of certificates. */
export const clusterOf = ({ config }: { readonly config: Pick<Config, 'cluster'> }): string =>
  config.cluster ?? UNNAMED_CLUSTER;

/**
 * The identity in the certificate of a client: the name in `mec://CLUSTER/user/NAME`. Undefined if
 * there is none that the authority has signed. The certificate of a node is no identity.
 */
export function certificateOf(socket: Socket, cluster: string): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subjectaltname = '', serialNumber } = socket.getPeerCertificate();
  const start = `URI:mec://${cluster}/user/`;
  const names = subjectaltname.split(', ').filter((name) => name.startsWith(start));
  const name = names[0]?.slice(start.length) ?? '';
  return names.length === 1 && NODE_NAME_PATTERN.test(name)
    ? { name, serial: serialNumber.toLowerCase() }
    : undefined;
}
