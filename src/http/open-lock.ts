/** The way of a request of a socket through the lock of its server. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type MecError, toMecError } from '../base/errors.ts';
import type { Access } from './access.ts';
import type { HttpConnection } from './connection.ts';
import type { Lock } from './lock.ts';

/** The connection and the response of a request. */
export interface LockedReply {
  readonly response: ServerResponse;
  readonly connection: HttpConnection;
}

/**
 * The rights of the sender of a request, or the error that refuses it; later, if its proof takes
 * time. Never throws or rejects.
 */
export function openLock(
  lock: Lock,
  { method = '', url = '', headers, socket }: IncomingMessage,
  { response, connection }: LockedReply,
): Access | MecError | Promise<Access | MecError> {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const announcedBytes = Number(headers['content-length'] ?? 0);
  const isSigned = headers['signature-input'] !== undefined || headers['signature'] !== undefined;
  try {
    const access = lock.begin({
      method,
      path,
      address: socket.remoteAddress ?? '',
      announcedBytes,
      authorization: headers.authorization,
      certificate: connection.certificate,
      memory: connection,
      signed: isSigned
        ? { method, path, query: mark < 0 ? '' : url.slice(mark + 1), headers }
        : undefined,
    });
    const entered = (known: Access): Access => {
      connection.onOver(response, () => {
        const moved = lock.areBytesCounted ? connection.takeMoved() - announcedBytes : 0;
        lock.end(known, moved);
      });
      return known;
    };
    return access instanceof Promise ? access.then(entered, toMecError) : entered(access);
  } catch (error) {
    return toMecError(error);
  }
}
