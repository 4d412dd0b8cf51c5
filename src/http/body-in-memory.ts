/** The body of a request that lies in memory. */
import { tooLarge } from './body.ts';
import type { HttpRequest } from './exchange.ts';

/** The body, with the limits of one that arrives. */
export const bodyInMemory = (bytes: Uint8Array): Pick<HttpRequest, 'body' | 'chunks'> => ({
  body: async (limit) => {
    if (bytes.length > limit) throw tooLarge(limit);
    return bytes;
  },
  async *chunks(limit) {
    if (bytes.length > limit) throw tooLarge(limit);
    yield bytes;
  },
});
