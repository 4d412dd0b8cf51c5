/** The end of an exchange. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Runs `task` once, when the response has been sent or the connection is closed, whichever is
 * first. Both events are needed: if a pipelined request was never answered, its response emits no
 * "close".
 */
export function whenClosed(
  { socket }: IncomingMessage,
  response: ServerResponse,
  task: () => void,
): void {
  let isOver = false;
  const over = (): void => {
    // A removed listener still gets an event that is already being delivered.
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
