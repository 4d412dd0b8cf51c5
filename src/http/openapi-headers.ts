/** The headers of answers in the OpenAPI document. */
import { type DocumentPart, ref } from './openapi-ref.ts';

const sent = (description: string, schema: DocumentPart = { type: 'string' }): DocumentPart => ({
  description,
  schema,
});

/** Headers of answers, by name. */
const HEADERS = {
  'X-Mec-Vclock': sent('The token: the context of this answer.'),
  'X-Mec-Dot': sent('The permanent name of this write.'),
  ETag: sent('Identifies exactly these versions, in this form.'),
  'Accept-Ranges': sent('bytes: a range of the value may be asked for.'),
  'Last-Modified': sent('The time of the write, by the clock of the node that took it.'),
  'X-Mec-Timestamp': sent('The time of the write, in nanoseconds since 1970.', {
    type: 'string',
    pattern: '^\\d+$',
  }),
  'X-Mec-Expires': sent('The time at which the version expires.'),
  'X-Mec-Client-ID': sent('As the writer sent it.'),
  'Content-Encoding': sent('As the writer sent it.'),
  'X-Mec-Content-Encoding': sent(
    'The Content-Encoding, if the reader wants the stored bytes (raw).',
  ),
  'X-Mec-Meta-*': sent('Metadata, as the writer sent it.'),
  'X-Mec-Siblings': sent('The number of versions, if there are several.', {
    type: 'integer',
    minimum: 2,
  }),
  'X-Mec-Repeated': sent('Present and true if the same write had already been made.'),
  'Content-Range': sent('The range, and the length of the whole value.'),
  Location: sent('The path of the new key.'),
  'Cache-Control': sent(
    'no-cache for values: a cache must revalidate its copy. no-store for all else.',
  ),
  Vary: sent('The form of the answer depends on Accept.'),
  'X-Content-Type-Options': sent('nosniff: browsers must not guess another type.'),
  'Content-Security-Policy': sent('Browsers must not run what a value contains.'),
  'Cross-Origin-Resource-Policy': sent('Pages of other origins must not embed the answer.'),
  Allow: sent('The methods of this path.'),
  'Retry-After': sent('The number of seconds to wait before a retry.', { type: 'integer' }),
} as const satisfies Record<string, DocumentPart>;

/** The headers that keep a browser from running or lending a body (`guards.ts`). */
export const VALUE_GUARDS = [
  'X-Content-Type-Options',
  'Content-Security-Policy',
  'Cross-Origin-Resource-Policy',
] as const satisfies readonly DocumentedHeader[];

/** The headers of every body that is no value. */
export const GUARDS = [...VALUE_GUARDS, 'Cache-Control'] as const;

/** The name of a header of an answer. */
export type DocumentedHeader = keyof typeof HEADERS;

/** The shared headers, each twice: as required, and as optional. */
export const HEADER_COMPONENTS: DocumentPart = Object.fromEntries(
  Object.entries(HEADERS).flatMap(([name, described]) => [
    [componentOf(name), { ...described, required: true }],
    [componentOf(name, 'sometimes'), { ...described, required: false }],
  ]),
);

function componentOf(name: string, when?: 'sometimes'): string {
  const plain = name.replace('*', 'any');
  return when === undefined ? plain : `${plain}.${when}`;
}

/** References to shared headers: those that an answer always has, and those that it may have. */
export function headersOf(
  always: readonly DocumentedHeader[],
  sometimes: readonly DocumentedHeader[] = [],
): DocumentPart {
  return Object.fromEntries([
    ...always.map((name) => [name, ref('headers', componentOf(name))]),
    ...sometimes.map((name) => [name, ref('headers', componentOf(name, 'sometimes'))]),
  ]) as DocumentPart;
}
