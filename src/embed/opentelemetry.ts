/**
 * Spans by `@opentelemetry/api`, if the program has that package. Without an SDK of OpenTelemetry
 * in the process, the package makes spans that do nothing. No span names a key or a client.
 */
import { systemClock } from '../base/system.ts';
import type { Tracer } from '../base/tracer.ts';

/** The names of spans that are not `mec.` and the operation. */
const NAMES: Readonly<Record<string, string>> = {
  read: 'mec.get',
  write: 'mec.put',
  write_if: 'mec.put',
};

const wallMs = (): number => systemClock.wallMicros() / 1000;

/** Whether an import has failed because the program does not have the package. */
const isMissing = (error: unknown): boolean =>
  (error as { readonly code?: unknown } | undefined)?.code === 'ERR_MODULE_NOT_FOUND';

/** A tracer that makes spans; undefined if the program does not have the package. */
export async function openTelemetryTracer(version: string): Promise<Tracer | undefined> {
  const found = await import('@opentelemetry/api').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  const { context, propagation, SpanStatusCode, trace } = found;
  const spans = trace.getTracer('mec-db', version);
  return {
    within: (headers, run) => {
      const present = context.active();
      // An instrumentation of HTTP may have begun a span for the request already.
      if (headers['traceparent'] === undefined || trace.getSpan(present) !== undefined)
        return run();
      return context.with(propagation.extract(present, headers), run);
    },
    begin: (operation, partition) => {
      const startTime = wallMs();
      const attributes = { 'mec.operation': operation, 'mec.partition': partition };
      const span = spans.startSpan(NAMES[operation] ?? `mec.${operation}`, {
        startTime,
        attributes,
      });
      return {
        end: ({ tookMs, answers, hedges, failed }) => {
          for (const { node, ms } of answers)
            span.addEvent('answer', { 'mec.node': node }, startTime + ms);
          span.setAttribute('mec.hedged', hedges);
          if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failed });
          span.end(startTime + tookMs);
        },
      };
    },
  };
}
