/** The errors of Node's HTTP parser, as refusals. */
import { type ErrorCode, MecError } from '../base/errors.ts';
import type { Refusal } from './connection.ts';

/** An error of the parser, with the piece that it could not read to its end. */
export type ParserError = NodeJS.ErrnoException & {
  readonly rawPacket?: Buffer;
  /** The bytes of the piece that it has read. */
  readonly bytesParsed?: number;
};

const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/** A line that begins a request. Its method is the first word. */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?$/;

/** The line with the byte at which the parser stopped. Bodies before it may have no line end. */
function lineOf({ rawPacket, bytesParsed = 0 }: ParserError): string {
  const text = rawPacket?.toString('latin1') ?? '';
  const from = text.lastIndexOf('\n', Math.max(0, bytesParsed - 1)) + 1;
  const to = text.indexOf('\n', from);
  return to < 0 ? '' : text.slice(from, to);
}

/** The refusal of what the parser could not read. */
export function refusalOf(error: ParserError): Refusal {
  const isForHead = error.rawPacket?.toString('latin1', 0, 5) === 'HEAD ';
  const isMethod = error.code === 'HPE_INVALID_METHOD' && REQUEST_LINE.test(lineOf(error));
  const code = isMethod ? 'unknown-method' : (CODES[error.code ?? ''] ?? 'bad-request');
  return { error: new MecError(code), isForHead };
}

/** The refusal of CONNECT, which asks for a tunnel. */
export const NO_TUNNEL: Refusal = { error: new MecError('unknown-method'), isForHead: false };
