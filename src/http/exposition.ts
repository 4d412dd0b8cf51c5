/**
 * Prints metrics in the text format 0.0.4 of Prometheus, or in that of OpenMetrics 1.0. They differ
 * in the names of counters, and in the last line.
 */
import { BUCKETS_MS, type TimeHistogram } from '../base/recorder.ts';

/** The labels of a sample, in their order. */
export type Labels = Readonly<Record<string, string>>;

/** A sample: its labels and its value. A value that is not known is left out. */
export type Sample = readonly [labels: Labels, value: number | undefined];

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** Collects metrics, and prints them in the order in which they were added. */
export class Exposition {
  readonly #isOpenMetrics: boolean;
  readonly #lines: string[] = [];

  constructor(isOpenMetrics: boolean) {
    this.#isOpenMetrics = isOpenMetrics;
  }

  /** Adds a gauge. */
  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#add(name, name, { type: 'gauge', help, samples });
  }

  /** Adds a counter, whose name ends with `_total`. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    const family = this.#isOpenMetrics ? name.replace(/_total$/, '') : name;
    this.#add(family, name, { type: 'counter', help, samples });
  }

  /** Adds histograms of times, in seconds. */
  histogram(
    name: string,
    help: string,
    samples: readonly (readonly [Labels, TimeHistogram])[],
  ): void {
    if (samples.length === 0) return;
    this.#head(name, 'histogram', help);
    for (const [labels, { counts, sumMs }] of samples) {
      let sum = 0;
      for (const [at, count] of counts.entries()) {
        sum += count;
        const bound = BUCKETS_MS[at];
        const le = bound === undefined ? '+Inf' : String(bound / 1000);
        this.#lines.push(`${name}_bucket${labelText({ ...labels, le })} ${sum}`);
      }
      this.#lines.push(`${name}_sum${labelText(labels)} ${sumMs / 1000}`);
      this.#lines.push(`${name}_count${labelText(labels)} ${sum}`);
    }
  }

  /** All metrics as text. */
  print(): string {
    return `${[...this.#lines, ...(this.#isOpenMetrics ? ['# EOF'] : [])].join('\n')}\n`;
  }

  #add(
    family: string,
    name: string,
    {
      type,
      help,
      samples,
    }: { readonly type: string; readonly help: string; readonly samples: readonly Sample[] },
  ): void {
    const known = samples.filter(([, value]) => value !== undefined);
    if (known.length === 0) return;
    this.#head(family, type, help);
    for (const [labels, value] of known) this.#lines.push(`${name}${labelText(labels)} ${value}`);
  }

  #head(family: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
  }
}
