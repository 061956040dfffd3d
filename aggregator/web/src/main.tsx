// Starts the page.
import { render } from 'preact';
import './style/page.css';
import './style/parts.css';
import './style/timeline.css';
import { App } from './app.tsx';
import { followStages } from './live/log.tsx';
import { peerChanged } from './network/changes.ts';
import { restoreTabAccount } from './pay/accounts.ts';
import { findWallets } from './pay/wallet.ts';
import { followRoute } from './route.ts';
import { loadAll } from './shell/later.tsx';
import { applyTheme } from './shell/theme.ts';
import { tick } from './shell/ticker.ts';
import { followBalances } from './state/balances.ts';
import { Feed } from './state/feed.ts';
import { followAccounts, joinWhenLoaded } from './state/peer.ts';

applyTheme();
tick();
followRoute(joinWhenLoaded);
followBalances();
followAccounts();
followStages();
findWallets();
void restoreTabAccount();
new Feed(peerChanged).start();

const page = document.getElementById('page');
if (page) {
  page.textContent = '';
  render(<App />, page);
}

// What is not on the first screen comes once that stands.
setTimeout(() => void loadAll(), 1000);
