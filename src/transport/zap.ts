/**
 * The questions with which ZeroMQ asks whether a connection may be made, and their answers: version
 * 1.0 of its authentication protocol (ZAP, RFC 27). Each question gets an answer, because ZeroMQ
 * waits for it before it asks again. A question that is not understood gets a refusal.
 */

/** The address at which ZeroMQ asks. */
export const ZAP_URL = 'inproc://zeromq.zap.01';
/** The domain of all sockets of a node. About a socket without one, ZeroMQ does not ask. */
export const ZAP_DOMAIN = 'mec';

const VERSION = '1.0';
const KEY_BYTES = 32;

/** The answer to a question: 200 if the other node proves a key that is accepted, else 400. */
export function zapAnswer(
  question: readonly Uint8Array[],
  isAccepted: (publicKey: string) => boolean,
): (string | Uint8Array)[] {
  const [version, id = new Uint8Array(), domain, , , mechanism, key, ...rest] = question;
  const isRight =
    textOf(version) === VERSION &&
    textOf(domain) === ZAP_DOMAIN &&
    textOf(mechanism) === 'CURVE' &&
    key?.length === KEY_BYTES &&
    rest.length === 0 &&
    isAccepted(Buffer.from(key).toString('hex'));
  const status = isRight ? ['200', 'OK'] : ['400', 'Refused'];
  // The last two parts are a name for the other node and its properties. Nothing here reads them.
  return [VERSION, id, ...status, '', ''];
}

const textOf = (part: Uint8Array | undefined): string => Buffer.from(part ?? []).toString('latin1');
