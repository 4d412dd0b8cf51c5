/** When an exchange is over. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Runs a task once, when the response has been sent or the connection is gone, whichever comes
 * first: the response to a pipelined request that never got its turn does not even close.
 */
export function onceOver({ socket }: IncomingMessage, response: ServerResponse, task: () => void): void {
  let isOver = false;
  const over = (): void => {
    // Taking a listener off does not stop an event that is being delivered already.
    if (isOver) return;
    isOver = true;
    response.off('close', over);
    socket.off('close', over);
    task();
  };
  response.once('close', over);
  socket.once('close', over);
  if (socket.destroyed) over();
}
