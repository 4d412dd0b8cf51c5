/** The page: its frame, its navigation, and the view that its address names. */
import { Key } from './key.tsx';
import { Keys } from './keys.tsx';
import { live, watch } from './live.ts';
import { Load } from './load.tsx';
import { h, type JSX, render } from './outside.ts';
import { Mark, Trouble } from './parts.tsx';
import { Play } from './play.tsx';
import { linkTo, type Place, placeOf, type ViewName } from './place.ts';
import { SKY } from './sky.tsx';
import { Top } from './top.tsx';
import { TOYS } from './toys.ts';
import { Weather } from './weather.tsx';
import { visible } from './words.ts';

const TITLES: Readonly<Record<ViewName, string>> = {
  weather: 'Weather',
  load: 'Load',
  keys: 'Keys',
  key: 'Key',
  top: 'Slow and hot',
  play: 'Play',
};

/** The toys are only in `mec dev`. */
const TABS: readonly ViewName[] = [
  'weather',
  'load',
  'keys',
  'top',
  ...(TOYS === undefined ? [] : (['play'] as const)),
];

/** Views whose first heading says more than their title. */
const HEADED: readonly ViewName[] = ['weather', 'key'];

const LEVELS = { ok: 'good', degraded: 'fair', critical: 'bad' } as const;

function View({ view, name }: Place): JSX.Element {
  if (view === 'load') return <Load live={live} />;
  if (view === 'keys') return <Keys prefix={name} />;
  if (view === 'key') return <Key key={name} name={name} />;
  if (view === 'top') return <Top />;
  if (view === 'play' && TOYS !== undefined) return <Play live={live} />;
  return <Weather live={live} />;
}

function Page({ place }: { readonly place: Place }): JSX.Element {
  const { verdict, pulses, failure } = live;
  const tab = place.view === 'key' ? 'keys' : place.view;
  return (
    <div class="frame">
      <a class="skip" href={location.hash} onClick={skip}>
        Skip to the contents
      </a>
      <header>
        <p class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="7" r="4.5" />
            <circle cx="7" cy="23" r="4.5" />
            <circle cx="25" cy="23" r="4.5" />
            <path d="M14 11 9 19M18 11l5 8M11.5 23h9" />
          </svg>
          MecDB
        </p>
        <nav aria-label="Views">
          {TABS.map((view) => (
            <a href={linkTo(view)} aria-current={view === tab ? 'page' : undefined}>
              {TITLES[view]}
            </a>
          ))}
        </nav>
        {verdict === undefined ? null : (
          <a class={`verdict ${LEVELS[verdict.status]}`} href={linkTo('weather')}>
            <Mark level={LEVELS[verdict.status]} />
            {SKY[verdict.status].title}
          </a>
        )}
      </header>
      <main id="contents" tabIndex={-1}>
        <h1 class={HEADED.includes(place.view) ? 'unseen' : ''}>{TITLES[place.view]}</h1>
        <Trouble text={failure && `${failure} What you see is older.`} />
        <View {...place} />
      </main>
      <footer>
        <p class="quiet">{pulses === undefined ? '' : `As ${pulses.node} sees it.`}</p>
      </footer>
    </div>
  );
}

/** The fragment of the address names the view, so that a link cannot name a place in it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('contents')?.focus();
}

const root = document.getElementById('page') as HTMLElement;
// The library would keep what the document shows while it loads.
root.replaceChildren();

function draw(): void {
  const place = placeOf(location.hash);
  const what = place.view === 'key' ? visible(place.name) : TITLES[place.view];
  document.title = `${what} · MecDB`;
  render(<Page place={place} />, root);
}

/** Screen readers and the keyboard begin at the new view. */
function moveTo(): void {
  draw();
  window.scrollTo(0, 0);
  document.getElementById('contents')?.focus({ preventScroll: true });
}

window.addEventListener('hashchange', moveTo);
draw();
await watch(draw);
