/** Answers that are produced while they are sent, at the speed of the client. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import { withJoinedVary } from './cors.ts';
import type { HttpAnswer } from './exchange.ts';
import { guard } from './guards.ts';

/** An answer with a stream. */
export type StreamedAnswer = HttpAnswer & { readonly stream: AsyncGenerator<Uint8Array> };

/** Both ends of one exchange. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Sends head and pieces. If the stream fails, closes the connection before the end of the body. */
export async function sendStream(
  { req, res }: Exchange,
  log: Log,
  answer: StreamedAnswer,
): Promise<void> {
  const { status, headers, stream } = answer;
  if (res.destroyed || res.headersSent) return;
  res.writeHead(status, guard(withJoinedVary(res, headers), res));
  if (req.method === 'HEAD') {
    await stream.return(undefined);
    res.end();
    return;
  }
  try {
    for await (const piece of stream) {
      if (isGone({ req, res })) return;
      if (!res.write(piece)) await whenDrained({ req, res });
      if (isGone({ req, res })) return;
    }
    res.end();
  } catch (error) {
    log.warn('answer cut short', { reason: messageOf(error) });
    res.destroy();
  }
}

/** A response has no socket of its own before its turn: only that of its request tells. */
const isGone = ({ req, res }: Exchange): boolean => res.destroyed || req.socket.destroyed;

/** Resolves when the client has taken the pieces sent so far, or is gone. */
function whenDrained({ req: { socket }, res }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      res.off('drain', go).off('close', go);
      socket.off('close', go);
      resolve();
    };
    res.once('drain', go).once('close', go);
    socket.once('close', go);
  });
}
