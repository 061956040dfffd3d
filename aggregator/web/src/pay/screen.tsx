// Pay: from an account that can sign here, to anybody, what it may spend now.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { addressFault } from '../checksum.ts';
import { duration, list, parseTokens, tokens } from '../format.ts';
import { Card, Fact, Facts, Hash, Money, Name, Notice, StageBadge, Title } from '../shell/parts.tsx';
import { refresh, watch } from '../state/balances.ts';
import { route } from '../route.ts';
import { accounts, link, moneyOf, nameOf, network, payments, tab, tabPeer } from '../state/store.ts';
import { Lens, waitingText } from '../timeline/lens.tsx';
import { chainOf, certified } from '../payments/view.ts';
import { Ask } from './ask.tsx';
import { Asked, readAsked } from './asked.tsx';
import { makeTabAccount, mayHoldKey, payers, walletAccounts, type Payer } from './accounts.ts';
import { send, sending, type Order } from './send.ts';
import { connect, wallets, type Wallet } from './wallet.ts';

export function Pay() {
  const from = useSignal(''); // kind and address: a wallet may show an account of the demo
  const to = useSignal('');
  const amount = useSignal('10.00');
  const asset = useSignal('');
  const via = useSignal<Order['via']>('aggregator');
  const brought = route.value.screen === 'pay' ? route.value.request : '';
  const request = useSignal(brought); // text of a payment request
  useEffect(() => { if (brought !== '') request.value = brought; }, [brought]);
  useEffect(() => { void import('./signing.ts').catch(() => undefined); }, []); // ready when the visitor is

  const file = network.value;
  if (!file) return <><Title>Pay</Title><p class="empty">{link.value === 'lost' ? 'The aggregator does not answer.' : 'Waiting for the aggregator.'}</p></>;
  const all = payers.value;
  const payer = all.find((p) => keyOf(p) === from.value) ?? all[0];
  const asked = readAsked(request.value, payer?.address ?? '');
  const fixed = asked?.request ?? null; // says whom to pay what
  const payee = fixed ? fixed.payee : to.value.trim();
  const wanted = (fixed?.asset ?? asset.value).toLowerCase();
  const token = file.asset.find((a) => a.address.toLowerCase() === wanted) ?? file.asset[0];
  const alone = link.value !== 'live';
  const tabReady = tab.value?.state === 'ready';
  const sender: Order['via'] = payer?.kind !== 'wallet' && tabReady && (alone || via.value === 'tab') ? 'tab' : 'aggregator';
  const units = fixed?.amount ?? (token ? parseTokens(amount.value, Number(token.decimals)) : 'The network lists no token.');
  const wrong = [payer ? null : 'Choose an account to pay from.', asked?.problem ?? faultOf(payee, payer), typeof units === 'string' ? units : null].find((t) => t !== null);
  const submit = (event: Event) => {
    event.preventDefault();
    if (wrong || !payer || !token || typeof units === 'string' || (asked && readAsked(request.value, payer.address)?.problem)) return;
    void send({ payer, to: payee, asset: token.address, amount: units, note: fixed?.note ?? '', via: sender }).then(() => {
      if (fixed && sending.value.state === 'sent') forget(); // it is not paid twice
      if (link.value === 'live') void refresh(payer.address);
    });
  };
  const forget = () => {
    request.value = '';
    if (brought !== '') history.replaceState(null, '', '#/pay');
  };
  return (
    <>
      <Title>Pay</Title>
      <p class="lead">A payment is certain once its quorum certificate has formed, milliseconds from now. The chain follows with its next blocks.</p>
      <div class="columns">
        <Card label="Order">
          <form onSubmit={submit} class="form">
            <label>From
              <select value={payer ? keyOf(payer) : ''} onChange={(e) => { from.value = e.currentTarget.value; }} disabled={all.length === 0}>
                {all.length === 0 && <option value="">no account yet</option>}
                {all.map((p) => <option key={keyOf(p)} value={keyOf(p)}>{payerText(p)}</option>)}
              </select>
            </label>
            <MoreAccounts />
            <Asked text={request.value} reading={asked} onText={(text) => { if (text === '') forget(); else request.value = text; }} />
            <label>To
              <input list="payees" value={payee} disabled={fixed !== null} onInput={(e) => { to.value = e.currentTarget.value; }} placeholder="0x…" spellcheck={false} autocomplete="off" aria-describedby="to-name" />
            </label>
            {!fixed && <Payees chosen={to.value} without={payer?.address ?? ''} onChoose={(address) => { to.value = address; }} />}
            <label>Amount
              <span class="amount"><input value={fixed && token ? tokens(fixed.amount, Number(token.decimals)) : amount.value} disabled={fixed !== null} onInput={(e) => { amount.value = e.currentTarget.value; }} inputMode="decimal" autocomplete="off" />
                {file.asset.length > 1 ? (
                  <select aria-label="Token" value={token?.address ?? ''} disabled={fixed !== null} onChange={(e) => { asset.value = e.currentTarget.value; }}>
                    {file.asset.map((a) => <option key={a.address} value={a.address}>{a.symbol}</option>)}
                  </select>
                ) : <span class="unit">{token?.symbol}</span>}
              </span>
            </label>
            {tabReady && payer?.kind !== 'wallet' && link.value !== 'none' && (
              <fieldset>
                <legend>Sent by</legend>
                <label class="switch"><input type="radio" name="via" checked={sender === 'aggregator'} disabled={alone} onChange={() => { via.value = 'aggregator'; }} /> the aggregator, for you</label>
                <label class="switch"><input type="radio" name="via" checked={sender === 'tab'} onChange={() => { via.value = 'tab'; }} /> this tab, as a peer</label>
              </fieldset>
            )}
            <button type="submit" class="primary" disabled={wrong !== undefined || sending.value.state === 'busy' || (alone && sender !== 'tab')}>
              {sending.value.state === 'busy' ? 'Paying …' : typeof units === 'bigint' && token ? `Pay ${moneyOf(units, token.address)}` : 'Pay'}
            </button>
            {wrong && !asked?.problem && (to.value !== '' || fixed) && <p class="hint">{wrong}</p>}
            {alone && sender !== 'tab' && <p class="hint">{aloneText()}</p>}
          </form>
        </Card>
        {payer && token && (link.value === 'none' ? <OwnHoldings address={payer.address} asset={token.address} /> : <Holdings address={payer.address} asset={token.address} />)}
      </div>
      <Result />
      {payer && <Ask payee={payer.address} />}
    </>
  );
}

/** Why nothing can be sent. */
function aloneText(): string {
  if (link.value === 'none') return tab.value && tab.value.state !== 'closed' ? 'This tab is not connected to a quorum of validators yet.' : 'This tab is no peer: join under Network.';
  return `The aggregator does not answer. ${tab.value ? 'This tab is not connected to a quorum of validators either.' : 'Had this tab been a peer, it could pay by itself.'}`;
}

const keyOf = (p: Payer) => `${p.kind === 'wallet' ? p.wallet.id : p.kind} ${p.address}`;

function payerText(p: Payer): string {
  const kind = p.kind === 'demo' ? 'demo account, its key is public' : p.kind === 'tab' ? (link.value === 'none' ? 'key in this tab, which goes with it' : 'key in this browser') : 'wallet';
  return `${p.kind === 'wallet' ? p.name : nameOf(p.address)} (${kind})`;
}

function faultOf(to: string, payer: Payer | undefined): string | null {
  const address = to.trim();
  return addressFault(address) ?? (address.toLowerCase() === payer?.address.toLowerCase() ? 'That is the account that pays.' : null);
}

/** Accounts with names, one click away. */
function Payees({ chosen, without, onChoose }: { chosen: string; without: string; onChoose: (address: string) => void }) {
  const known = payers.value.filter((p) => p.kind !== 'wallet' && p.address.toLowerCase() !== without.toLowerCase());
  return (
    <>
      <datalist id="payees">{known.map((p) => <option key={p.address} value={p.address}>{nameOf(p.address)}</option>)}</datalist>
      <div class="chips" id="to-name">
        {known.map((p) => (
          <button key={p.address} type="button" class="chip" aria-pressed={chosen.toLowerCase() === p.address.toLowerCase()} onClick={() => onChoose(p.address)}>{nameOf(p.address)}</button>
        ))}
      </div>
    </>
  );
}

/** Other accounts: a key of this tab's own, and the browser's wallets. */
function MoreAccounts() {
  const problem = useSignal<string | null>(null);
  const use = async (wallet: Wallet) => {
    problem.value = null;
    try {
      const address = await connect(wallet);
      walletAccounts.value = [...walletAccounts.value.filter((w) => w.wallet.id !== wallet.id), { address, wallet }];
    } catch (cause) {
      problem.value = cause instanceof Error ? cause.message : String(cause);
    }
  };
  const make = () => makeTabAccount().catch((cause: Error) => { problem.value = cause.message; });
  const hasTab = payers.value.some((p) => p.kind === 'tab');
  const unconnected = wallets.value.filter((w) => !walletAccounts.value.some((a) => a.wallet.id === w.id));
  return (
    <div class="more">
      {mayHoldKey.value && !hasTab && <button type="button" class="quiet" onClick={() => void make()}>Make an account in this tab</button>}
      {unconnected.map((w) => <button key={w.id} type="button" class="quiet" onClick={() => void use(w)}>Use {w.name}</button>)}
      {wallets.value.length === 0 && payers.value.length === 0 && !mayHoldKey.value && <p class="hint">{link.value === 'none' ? 'On a public chain this page watches alone: a key in a page is no place for money, and a wallet needs an aggregator that plans for it.' : 'No wallet was found in this browser. Install one that signs Tempo transactions (type 0x76).'}</p>}
      {problem.value && <p class="bad-text" role="alert">{problem.value}</p>}
    </div>
  );
}

/** What an account holds: never one number, since what is certified is not on the chain yet. */
function Holdings({ address, asset }: { address: string; asset: string }) {
  useEffect(() => watch(address), [address]);
  const balance = accounts.value.get(address.toLowerCase())?.balances.find((b) => b.asset.toLowerCase() === asset.toLowerCase());
  return (
    <Card title={`What ${nameOf(address)} has`}>
      {!balance ? <p class="empty">{link.value === 'live' ? 'Asking the aggregator …' : 'Only the aggregator can ask the chain, and it does not answer.'}</p> : (
        <>
          <p class="spendable"><span class="label">Spendable now</span><span data-testid="spendable"><Money units={BigInt(balance.spendable)} asset={asset} /></span></p>
          <Facts>
            <Fact name="Confirmed on the chain"><span data-testid="confirmed"><Money units={BigInt(balance.confirmed)} asset={asset} /></span></Fact>
            <Fact name="Certified, coming in">+ <Money units={BigInt(balance.certified_in)} asset={asset} /></Fact>
            <Fact name="Certified, going out">− <Money units={BigInt(balance.certified_out)} asset={asset} /></Fact>
            <Fact name="As of final block">{balance.height}</Fact>
            {link.value !== 'live' && <Fact name="Told"><span class="open-text">before the aggregator fell silent</span></Fact>}
            <Fact name="Address"><Hash value={address} label="address" /></Fact>
          </Facts>
        </>
      )}
    </Card>
  );
}

/** What an account of this tab can spend, by what the tab has checked itself: it has no chain to ask. */
function OwnHoldings({ address, asset }: { address: string; asset: string }) {
  void tab.value; // whatever the tab learns may change it
  const spendable = tabPeer.value?.spendable(address, asset) ?? null;
  return (
    <Card title={`What ${nameOf(address)} has`}>
      {spendable === null ? <p class="empty">The validators have not told this tab enough to say.</p> : (
        <>
          <p class="spendable"><span class="label">Spendable now</span><span data-testid="spendable"><Money units={spendable} asset={asset} /></span></p>
          <Facts>
            <Fact name="By the word of">certificates that this tab checked; nobody was asked for the chain’s balance</Fact>
            <Fact name="Address"><Hash value={address} label="address" /></Fact>
          </Facts>
        </>
      )}
    </Card>
  );
}

function Result() {
  const s = sending.value;
  if (s.state === 'idle') return null;
  if (s.state === 'busy') return <Notice title={s.doing} />;
  if (s.state === 'failed') return <Notice tone="bad" title="Nothing was paid."><p>{s.problem}</p>{s.hint && <p>{s.hint}</p>}</Notice>;
  const p = payments.value.get(s.id);
  const done = p !== undefined && certified(p);
  return (
    <Card title={done ? 'Paid' : 'Sent'}>
      {p ? (
        <>
          <p class="lead"><Name address={p.from} /> → <Name address={p.to} /> <Money units={p.amount} asset={p.asset} /> <span data-testid="sent-stage"><StageBadge stage={p.stage} /></span> <a href={`#/payment/${p.id}`}>Details</a></p>
          {done && p.certifiedAt !== null && p.firstSeen !== null && <p class="verdict">{`${nameOf(p.to)} could spend it ${duration(p.certifiedAt - p.firstSeen)} after it was sent.`}</p>}
          {!done && <p class="hint">{waitingText(p)}. It goes on by itself: do not pay again.</p>}
          <Lens chain={chainOf(p.id, payments.value)} />
        </>
      ) : <p class="empty">Nobody has told this page of the payment yet: <Hash value={s.id} label="tx id" />. Do not pay again.</p>}
      {s.rejects.length > 0 && !done && (
        <Notice tone="bad" title={`Refused by ${list(s.rejects.map((r) => r.validator))}.`}>
          <ul>{s.rejects.map((r) => <li key={r.validator}><code>{r.code}</code> {r.message}</li>)}</ul>
        </Notice>
      )}
      {s.explain && <p class="hint">{s.explain}</p>}
    </Card>
  );
}
