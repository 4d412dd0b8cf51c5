/** The view of `mec dev` alone: break the cluster, and see what it makes of it. */
import { messageOf } from './api.ts';
import { sleep } from './clock.ts';
import { Graph } from './graph.tsx';
import { MAX_SAID, POLL_MS } from './limits.ts';
import type { Live } from './live.ts';
import { type Level, type NodeView, nodesOf } from './nodes.ts';
import { Fragment, h, type JSX, useEffect, useState } from './outside.ts';
import { State, Trouble } from './parts.tsx';
import { SplitEditors } from './split-editors.tsx';
import { askToys, doCommand, type Toys } from './toys.ts';

type Node = Toys['nodes'][number];

/** Does a command. */
type Do = (word: string, names?: readonly string[]) => void;

const LEVELS: Readonly<Record<Node['state'], Level>> = {
  running: 'good',
  paused: 'fair',
  stopped: 'bad',
};

/** The buttons of a node in each state: the word of the command, and the text. */
const BUTTONS: Readonly<Record<Node['state'], readonly (readonly [string, string])[]>> = {
  running: [
    ['kill', 'Kill'],
    ['stop', 'Stop'],
    ['pause', 'Pause'],
    ['leave', 'Leave'],
  ],
  paused: [
    ['resume', 'Resume'],
    ['kill', 'Kill'],
  ],
  stopped: [['start', 'Start']],
};

/** The toys, the outcomes of commands, and a way to give commands. */
interface Console {
  readonly toys: Toys | undefined;
  readonly said: readonly string[];
  readonly failure: string | undefined;
  readonly busy: readonly string[];
  readonly command: Do;
}

function useConsole(): Console {
  const [toys, setToys] = useState<Toys | undefined>(undefined);
  const [said, say] = useState<readonly string[]>([]);
  const [failure, fail] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState<readonly string[]>([]);
  useEffect(() => {
    const end = new AbortController();
    const watchToys = async (): Promise<void> => {
      while (!end.signal.aborted) {
        await askToys().then(setToys, (thrown: unknown) => fail(messageOf(thrown)));
        await sleep(POLL_MS);
      }
    };
    void watchToys();
    return () => end.abort();
  }, []);
  const command: Do = (word, names = []) => {
    const what = [word, ...names].join(' ');
    setBusy((old) => [...old, what]);
    fail(undefined);
    doCommand(word, names)
      .then((text) => say((old) => [text, ...old].slice(0, MAX_SAID)))
      .catch((thrown: unknown) => fail(messageOf(thrown)))
      .then(askToys)
      .then(setToys, () => {})
      .finally(() => setBusy((old) => old.filter((other) => other !== what)));
  };
  return { toys, said, failure, busy, command };
}

/** Draws the toys. */
export function Play({ live }: { readonly live: Live }): JSX.Element {
  const { toys, said, failure, busy, command } = useConsole();
  if (toys === undefined) return <p class="waiting">{failure ?? 'Looking …'}</p>;
  const views = live.pulses === undefined ? [] : nodesOf(live.pulses);
  const props = { toys, command, busy };
  return (
    <Fragment>
      <p>
        Real processes on this machine, under real faults. Nothing here is simulated: it is the
        console of <code>mec dev</code> as buttons.
      </p>
      <Trouble text={failure} />
      <div class="split">
        <Graph nodes={views} />
        <div>
          <ul class="cards">
            {toys.nodes.map((node) => (
              <NodeToys node={node} view={viewOf(views, node)} {...props} />
            ))}
          </ul>
          <Whole {...props} />
        </div>
      </div>
      <div role="log" aria-label="Outcomes">
        <ol class="said">
          {said.map((text) => (
            <li>{text}</li>
          ))}
        </ol>
      </div>
      <SplitEditors toys={toys} />
    </Fragment>
  );
}

const viewOf = (views: readonly NodeView[], { name }: Node): NodeView | undefined =>
  views.find(({ member }) => member.name === name);

interface ToyProps {
  readonly toys: Toys;
  readonly command: Do;
  /** The commands that are being done. */
  readonly busy: readonly string[];
}

function NodeToys({
  node: { name, state },
  view,
  toys,
  command,
  busy,
}: ToyProps & { readonly node: Node; readonly view: NodeView | undefined }): JSX.Element {
  const isCut = toys.cut.includes(name);
  const isBusy = busy.some((what) => what.endsWith(` ${name}`));
  return (
    <li class={`card ${isCut ? 'fair' : LEVELS[state]}`}>
      <h3>
        {name} <State level={LEVELS[state]}>{state}</State>
      </h3>
      <p class="quiet">
        {view === undefined
          ? 'The others do not know it yet.'
          : `The others see it as ${view.word}.`}
      </p>
      <p class="row">
        {BUTTONS[state].map(([word, text]) => (
          <button type="button" disabled={isBusy} onClick={() => command(word, [name])}>
            {text}
            <span class="unseen"> {name}</span>
          </button>
        ))}
        <button type="button" aria-pressed={isCut} onClick={() => cutOther(toys, name, command)}>
          Cut off<span class="unseen"> {name}</span>
        </button>
        <button
          type="button"
          aria-pressed={toys.ahead.includes(name)}
          onClick={() => command('skew', [name])}
        >
          Clock ahead<span class="unseen"> of {name}</span>
        </button>
      </p>
    </li>
  );
}

/** Cuts a node off in addition to others, or mends its links. */
function cutOther({ cut }: Toys, name: string, command: Do): void {
  const next = cut.includes(name) ? cut.filter((other) => other !== name) : [...cut, name];
  if (next.length === 0) command('heal');
  else command('cut', next);
}

function Whole({ toys, command, busy }: ToyProps): JSX.Element {
  const { load, cut } = toys;
  return (
    <p class="row">
      <button type="button" disabled={busy.includes('add')} onClick={() => command('add')}>
        {busy.includes('add') ? 'A node is starting …' : 'Add a node'}
      </button>
      <button type="button" disabled={cut.length === 0} onClick={() => command('heal')}>
        Heal all cuts
      </button>
      <button type="button" aria-pressed={load.isOn} onClick={() => command('load')}>
        {load.isOn ? 'End the load' : `Start a load of ${load.perSecond} requests a second`}
      </button>
    </p>
  );
}
