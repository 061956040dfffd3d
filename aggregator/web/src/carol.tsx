// Starts the page that is one file and has no aggregator.
import { render } from 'preact';
import './style/page.css';
import './style/parts.css';
import './style/timeline.css';
import { cut } from './api/client.ts';
import { App } from './app.tsx';
import { Opening } from './carol/opening.tsx';
import { followStages } from './live/log.tsx';
import { followRoute } from './route.ts';
import { applyTheme } from './shell/theme.ts';
import { tick } from './shell/ticker.ts';
import { clock, link } from './state/store.ts';

cut.value = true;
link.value = 'none';
clock.assume(Date.now());
applyTheme();
tick();
followRoute(() => undefined);
followStages();

const page = document.getElementById('page');
if (page) {
  page.textContent = '';
  render(<App opening={Opening} />, page);
}
